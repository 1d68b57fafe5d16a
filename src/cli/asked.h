// What the command line asks for, and how a command is added to it: for the files that describe the
// commands (commands.cc, document_commands.cc).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/collections_commands.h"
#include "cli/options.h"

namespace weir::cli {

// What was asked, filled while the command line is parsed; `work` is the command that was named.
struct Asked {
  Common common = {};
  std::string model = {};
  std::string id = {};
  std::string shell = {};
  RunOptions run = {};
  IngestOptions ingest = {};
  SearchOptions search = {};
  ClassifyOptions classify = {};
  EmbedOptions embed = {};
  KeyOptions key = {};
  LedgerOptions ledger = {};
  RouteOptions route = {};
  CollectionOptions collection = {};
  PullOptions pull = {};
  CreateOptions create = {};
  QuantizeOptions quantize = {};
  QualityOptions quality = {};
  UpdateOptions update = {};
  BackendOptions backend = {};
  std::vector<std::string> names = {};
  std::string target = {};
  bool force = false;
  bool hashes = false;
  bool tune = false;
  bool measure_quality = false;
  std::string file = {};
  std::string data = {};
  std::string models = {};
  std::function<int()> work = {};
};

CLI::App* AddCommand(CLI::App& parent, Asked& asked, const std::string& name,
                     const std::string& summary, const std::string& examples,
                     std::function<int()> work);

void AddDocumentCommands(CLI::App& app, Asked& asked);    // ingest, search
void AddCollectionCommands(CLI::App& app, Asked& asked);  // collections

}  // namespace weir::cli
