#include "fetch/adapters.h"

#include <fmt/core.h>

#include <utility>

#include "fetch/local_file.h"
#include "gguf/adapter.h"
#include "gguf/inspect.h"

namespace weir::fetch {
namespace {

Result<void> InspectAdapter(int file) {
  const auto info = gguf::InspectDescriptor(file);
  if (info && info->kind == gguf::Kind::kAdapter) return {};
  return Fail(Code::kUnprocessable,
              fmt::format("the adapter is refused: {}; adapters are GGUF files, as "
                          "convert_lora_to_gguf.py of llama.cpp makes them",
                          info ? "it is no adapter" : info.error().message),
              "adapter", info ? "not_an_adapter" : info.error().reason);
}

Result<void> FetchOne(const Session& session, const Source& source, const PartFile& file) {
  const auto there = [&] { return session.writer.HasBlob(file.sha256, file.size); };
  if (there()) return {};
  session.reporter.Begin(source.name.ToString() + " (adapter)", file.size, file.sha256);
  auto partial = BeginOrWait(session, file.sha256, there);
  if (!partial) return Fail(partial.error());
  if (!*partial) return {};
  const auto arrived =
      FetchInto(session, source, file, *partial,
                [&](uint64_t done, uint64_t total) { session.reporter.Progress(done, total); });
  if (!arrived) return Fail(arrived.error());
  if (auto inspected = InspectAdapter((*partial)->data()); !inspected) {
    session.writer.Discard(std::move(**partial));
    return inspected;
  }
  return session.writer.Keep(std::move(**partial), arrived->sha256);
}

}  // namespace

Result<Event> TakeAdapter(const Session& session) {
  const auto file = OpenLocal(session.job.reference);
  if (!file) return Fail(file.error());
  CloseOff(session.job, /*network=*/false);
  if (auto inspected = InspectAdapter(file->get()); !inspected) return Fail(inspected.error());
  auto copied = CopyIn(session, *file, session.job.reference, session.job.reference);
  if (!copied) return Fail(copied.error());
  const uint64_t size = copied->partial.total();
  auto kept = session.writer.Keep(std::move(copied->partial), copied->sha256);
  if (!kept) return Fail(kept.error());
  return Event{.kind = Event::Kind::kDone,
               .text = session.job.reference,
               .done = size,
               .total = size,
               .sha256 = copied->sha256,
               .fetched = true};
}

Result<void> FetchAdapters(const Session& session, const Source& source) {
  for (const PartFile& file : source.adapters) {
    if (auto fetched = FetchOne(session, source, file); !fetched) return fetched;
  }
  return {};
}

Result<void> CheckAdapters(const Session& session, const models::Manifest& manifest, int file) {
  for (const models::StoredFile& adapter : manifest.adapters) {
    const auto opened = session.writer.store().OpenBlob(adapter.sha256);
    if (!opened) return Fail(opened.error());
    if (auto fits = gguf::CheckAdapter(opened->get(), file); !fits) return fits;
  }
  return {};
}

}  // namespace weir::fetch
