// weir search: passages of a collection.
#include <fmt/core.h>

#include <memory>
#include <string>

#include "base/terminal_text.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/passages_text.h"
#include "cli/private_server.h"
#include "cli/url_path.h"
#include "json/writer.h"

namespace weir::cli {

std::string SourceLine(const json::Value& passage) {
  std::string line = fmt::format("[{}] {}", static_cast<int64_t>(NumberAt(passage, "index")),
                                 TextAt(passage, "document"));
  const std::string place = TextAt(passage, "place");
  const std::string section = TextAt(passage, "section");
  if (!place.empty()) line += ", " + place;
  if (!section.empty()) line += fmt::format(" ({})", section);
  return OneLine(line);
}

int Search(const Common& common, const SearchOptions& options) {
  std::string query;
  for (const std::string& word : options.query) query += (query.empty() ? "" : " ") + word;
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  const auto answer =
      link->Post(fmt::format("/weir/v1/collections/{}/search", PathPiece(options.collection)),
                 json::Value(json::Object{{"query", query},
                                          {"k", options.count},
                                          {"rewrite_query", options.rewrite},
                                          {"rerank", options.rerank}}));
  if (!answer) return Report(answer.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(*answer));
    return 0;
  }
  if (options.rewrite) fmt::print(stderr, "weir: searched for: {}\n", TextAt(*answer, "query"));
  const json::Array& passages = ListAt(*answer, "data");
  if (passages.empty()) {
    fmt::print(stderr, "weir: nothing in {} has to do with that\n", options.collection);
    return 0;
  }
  for (const json::Value& passage : passages) {
    fmt::print("{}  score {:.2f}\n{}\n\n", SourceLine(passage), NumberAt(passage, "score"),
               WithoutControls(TextAt(passage, "text")));
  }
  return 0;
}

}  // namespace weir::cli
