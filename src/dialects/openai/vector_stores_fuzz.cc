// Any bytes as a request about vector stores or uploads: read or refused, and what is read keeps
// its bounds.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/openai/uploads.h"
#include "dialects/openai/vector_stores.h"

namespace {

using weir::chat::AttributeFilter;
using weir::chat::AttributeLimits;

size_t PartsOf(const AttributeFilter& filter, size_t depth) {
  CHECK(depth <= AttributeLimits::kFilterDepth + 1, "a filter is too deep");
  CHECK(filter.values.size() <= AttributeLimits::kFilterValues, "a filter has too many values");
  size_t parts = 1;
  for (const AttributeFilter& part : filter.parts) parts += PartsOf(part, depth + 1);
  return parts;
}

void CheckFile(const weir::openai::FileToAdd& file) {
  CHECK(file.attributes.size() <= AttributeLimits::kCount, "too many attributes");
  CHECK(file.chunking.overlap <= file.chunking.tokens / 2, "the overlap is too large");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  using Limits = weir::openai::VectorStoreLimits;
  if (const auto search = weir::openai::ReadStoreSearch(body, {})) {
    CHECK(!search->queries.empty() && search->queries.size() <= Limits::kQueries, "queries");
    CHECK(PartsOf(search->where.filter, 1) <= AttributeLimits::kFilterParts, "parts");
  }
  if (const auto upload = weir::openai::ReadUploadToCreate(body, {})) {
    CHECK(!upload->purpose.empty() && upload->bytes >= 0, "an upload");
  }
  if (const auto parts = weir::openai::ReadPartsToJoin(body, {})) {
    CHECK(parts->part_ids.size() <= weir::openai::FileLimits::kUploadParts, "parts of an upload");
    CHECK(parts->md5.empty() || parts->md5.size() == 32, "an MD5");
  }
  if (const auto store = weir::openai::ReadStoreToCreate(body, {})) {
    CHECK(store->files.size() <= Limits::kFilesAtCreation, "files");
    for (const auto& file : store->files) CheckFile(file);
  }
  if (const auto batch = weir::openai::ReadBatchToAdd(body, {})) {
    CHECK(!batch->empty() && batch->size() <= Limits::kFilesOfBatch, "files");
    for (const auto& file : *batch) CheckFile(file);
  }
  if (const auto file = weir::openai::ReadFileToAdd(body, {})) CheckFile(*file);
  (void)weir::openai::ReadStoreToChange(body, {});
  (void)weir::openai::ReadAttributesToSet(body, {});
  return 0;
}
