#include "server/model_header.h"

#include <utility>

namespace weir::server {

Task<Result<gguf::Description>> HeaderOf(Site& site, Fd file) {
  auto describe = [file = std::move(file)] { return gguf::DescribeDescriptor(file.get()); };
  if (site.workers == nullptr) co_return describe();
  co_return co_await site.workers->Run<gguf::Description>(std::move(describe));
}

}  // namespace weir::server
