#include "cli/web_page.h"

#include <fmt/core.h>
#include <unistd.h>

#include <utility>

#include "fetch/job.h"
#include "fetch/surroundings.h"
#include "process/captured.h"
#include "process/environment.h"
#include "supervisor/launcher.h"
#include "wire/document.h"

namespace weir::cli {
namespace {

constexpr Duration kPageTime = std::chrono::minutes(10);

// What servers call the kinds that a name's ending may hide ("index.php" is HTML).
constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
    {"text/html", ".html"},        {"application/xhtml+xml", ".html"},
    {"application/pdf", ".pdf"},   {"text/markdown", ".md"},
    {"text/plain", ".txt"},        {"text/csv", ".csv"},
    {"application/json", ".json"}, {"application/epub+zip", ".epub"},
};

std::string_view WithoutScheme(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('#'));
  const size_t at = url.substr(0, url.find('/')).rfind('@');  // a user's name, or a password
  if (at != std::string_view::npos) url.remove_prefix(at + 1);
  return url;
}

Result<Fd> InputOf(const fetch::Job& job) {
  auto pipe = MakePipe();
  if (!pipe) return Fail(pipe.error());
  const std::string text = fetch::PrintJob(job) + "\n";
  if (write(pipe->write.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return Fail(Code::kInvalidArgument, "the address is too long");
  }
  return std::move(pipe->read);
}

}  // namespace

std::string HostOf(std::string_view url) {
  const std::string_view rest = WithoutScheme(url);
  return std::string(rest.substr(0, rest.find_first_of(":/?")));
}

std::string PageName(std::string_view url, std::string_view content_type) {
  std::string name(WithoutScheme(url));
  while (name.ends_with('/')) name.pop_back();
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  for (const auto& [type, ending] : kEndings) {
    const bool has = name.ends_with(ending) || (ending == ".html" && name.ends_with(".htm"));
    // Plain text may be of a kind that its name tells better.
    if (type == content_type && !has && ending != ".txt") name += ending;
  }
  return name;
}

Result<WebPage> FetchWebPage(const std::string& url) {
  const auto folder = ProgramFolder();
  if (!folder) return Fail(folder.error());
  fetch::Job job = fetch::JobOfSurroundings();
  job.hub_token.clear();
  job.reference = url;
  job.size = wire::kDocumentBytesMax;
  auto input = InputOf(job);
  if (!input) return Fail(input.error());
  auto done = Capture({.program = *folder + "/weir-fetch",
                       .arguments = {"page"},
                       .environment = EnvironmentWithoutSecrets(),
                       .descriptors = {{0, input->get()}}},
                      wire::kDocumentBytesMax + fetch::kEventBytesMax, kPageTime);
  if (!done) return Fail(done.error());
  const size_t line = done->output.find('\n');
  const auto event = fetch::ParseEvent(std::string_view(done->output).substr(0, line));
  if (!event || line == std::string::npos) {
    return Fail(Code::kInternal,
                fmt::format("the fetch process ended with {}", done->end.ToString()), {},
                "fetch_crashed");
  }
  if (event->kind == fetch::Event::Kind::kFailed) return Fail(event->error);
  if (done->output.size() - line - 1 != event->total) {
    return Fail(Code::kBackendFailed, "the page did not come whole", {}, "broke_off");
  }
  return WebPage{.name = PageName(url, event->text), .bytes = done->output.substr(line + 1)};
}

}  // namespace weir::cli
