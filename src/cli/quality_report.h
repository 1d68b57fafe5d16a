// What `weir bench --quality` found, as text: a table for a terminal, Markdown, JSON, and a plot as
// SVG. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/quality.h"

namespace weir::cli {

struct QualityRow {
  std::string name = {};
  std::string type = {};    // "Q4_K_M"
  uint64_t size = 0;        // bytes of the file
  uint64_t parameters = 0;  // 0: unknown
  bool made = false;        // for this measurement, and gone again
  wire::TextQuality quality = {};

  double bits() const;  // of a weight; 0 when unknown
};

struct QualityReport {
  std::string text = {};  // its name: a path, or "built-in"
  uint64_t text_bytes = 0;
  std::string text_sha256 = {};
  int32_t context_tokens = 0;
  int32_t windows = 0;
  uint64_t tokens = 0;  // that were scored
  int32_t threads = 0;
  std::vector<QualityRow> rows = {};  // the first is what the others are compared with
};

std::string QualityTable(const QualityReport& report);
std::string QualityMarkdown(const QualityReport& report);
std::string QualityJson(const QualityReport& report);
// Perplexity, divergence and rate over size. Needs no font, script or file beside it.
std::string QualitySvg(const QualityReport& report);

}  // namespace weir::cli
