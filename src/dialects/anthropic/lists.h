// The models there are, as Anthropic's clients read them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace weir::anthropic {

struct ModelEntry {
  std::string id = {};
  int64_t created_s = 0;
};
// GET /v1/models: one page; `has_more` behind it, or before it where that was asked for.
std::string RenderModels(std::span<const ModelEntry> models, bool has_more);
std::string RenderModel(const ModelEntry& model);  // GET /v1/models/{id}

}  // namespace weir::anthropic
