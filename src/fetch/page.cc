#include "fetch/page.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>

#include "base/log.h"
#include "fetch/job.h"
#include "http/download.h"
#include "process/sandbox.h"

namespace weir::fetch {
namespace {

bool WriteAll(int output, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(output, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

Result<Job> ReadJob(int input) {
  std::string text;
  char block[4096];
  ssize_t got = 0;
  while (text.size() <= kJobBytesMax && !text.ends_with('\n') &&
         (got = read(input, block, sizeof block)) > 0) {
    text.append(block, static_cast<size_t>(got));
  }
  return ParseJob(text);
}

Error Refused(int status) {
  const bool there = status != 404 && status != 410;
  return {there ? Code::kUnavailable : Code::kNotFound,
          there ? fmt::format("the server answered with status {}", status)
                : "the server has no such page",
          {},
          there ? "page_refused" : "page_not_found"};
}

Result<http::Document> FetchPage(const Job& job) {
  if (!http::MayFetch(job.reference)) {
    return Fail(Code::kInvalidArgument,
                "pages are fetched over https:// (and http:// from this machine alone)", {},
                "address_refused");
  }
  const SandboxReport report = ApplySandbox(SandboxSpec::Fetch({}, /*network=*/true, job.ca_file));
  for (const std::string& line : report.ToStrings()) LogDebug("sandbox: {}", line);
  http::Downloads downloads(
      {.stall = std::chrono::milliseconds(job.stall_ms), .ca_file = job.ca_file});
  auto page = downloads.Get(
      {.url = job.reference, .accept = "text/html, application/pdf, text/*;q=0.9, */*;q=0.5"},
      job.size);
  if (!page) return Fail(page.error());
  if (page->head.status != 200) return Fail(Refused(page->head.status));
  return page;
}

}  // namespace

int RunPage(int input, int output) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto job = ReadJob(input);
  auto page = job ? FetchPage(*job) : Fail(job.error());
  if (!page) {
    WriteAll(output, PrintEvent({.kind = Event::Kind::kFailed, .error = page.error()}) + "\n");
    return 1;
  }
  const Event done{.kind = Event::Kind::kDone,
                   .text = std::string(page->head.Header("content-type")),
                   .total = page->body.size()};
  return WriteAll(output, PrintEvent(done) + "\n") && WriteAll(output, page->body) ? 0 : 1;
}

}  // namespace weir::fetch
