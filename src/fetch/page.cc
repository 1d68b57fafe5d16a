#include "fetch/page.h"

#include <fmt/core.h>

#include <csignal>
#include <string_view>

#include "base/log.h"
#include "fetch/job_pipe.h"
#include "http/download.h"
#include "process/sandbox.h"

namespace weir::fetch {
namespace {

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
