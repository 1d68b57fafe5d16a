#include "backends/permits.h"

#include <string>
#include <utility>

namespace weir::backends {

Task<Result<privacy::Permit>> IssuePermit(privacy::PermitOffice& office, WorkerPool* workers,
                                          privacy::Purpose purpose,
                                          std::shared_ptr<const chat::ProviderCall> call,
                                          const Clock& clock) {
  if (workers == nullptr || call->body.size() <= kHashedHereBytesMax)
    co_return office.Issue(purpose, *call, clock.Now());
  auto url = office.UrlOf(purpose, *call);
  if (!url) co_return std::unexpected(std::move(url.error()));
  auto digest =
      co_await workers->Run<std::string>([call, at = std::move(*url)]() -> Result<std::string> {
        return privacy::DigestOf(call->method, at, call->path, call->headers, call->body);
      });
  if (!digest) co_return std::unexpected(std::move(digest.error()));
  co_return office.Issue(purpose, *call, clock.Now(), std::move(*digest));
}

}  // namespace weir::backends
