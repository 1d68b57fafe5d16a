#include "gateway/moderate.h"

#include <utility>

namespace weir::gateway {

Task<Result<Moderated>> Moderate(Gateway& gateway, std::vector<std::string> texts) {
  if (gateway.scanner == nullptr)
    co_return Fail(Code::kUnavailable, "this server has no detectors", {}, "no_detectors");
  Moderated out{.detector = gateway.scanner->detector()};
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  if (bytes <= privacy::ScanThread::kAtOnceMax || gateway.scan_thread == nullptr) {
    for (const std::string& text : texts) out.findings.push_back(out.detector->Find(text));
    co_return out;
  }
  auto found = co_await gateway.scan_thread->Find(
      out.detector, std::make_shared<const std::vector<std::string>>(std::move(texts)));
  if (!found) co_return Fail(found.error());
  out.findings = std::move(*found);
  co_return out;
}

}  // namespace weir::gateway
