#include "fetch/beside.h"

#include <fmt/core.h>

#include <utility>

#include "fetch/local_file.h"
#include "gguf/adapter.h"
#include "gguf/inspect.h"
#include "gguf/projector.h"

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

using Inspector = Result<void> (*)(int file);

Result<void> FetchOne(const Session& session, const Source& source, const PartFile& file,
                      std::string_view what, Inspector inspector) {
  const auto there = [&] { return session.writer.HasBlob(file.sha256, file.size); };
  if (there()) return {};
  session.reporter.Begin(fmt::format("{} ({})", source.name.ToString(), what), file.size,
                         file.sha256);
  auto partial = BeginOrWait(session, file.sha256, there);
  if (!partial) return Fail(partial.error());
  if (!*partial) return {};
  const auto arrived =
      FetchInto(session, source, file, *partial,
                [&](uint64_t done, uint64_t total) { session.reporter.Progress(done, total); });
  if (!arrived) return Fail(arrived.error());
  if (auto inspected = inspector((*partial)->data()); !inspected) {
    session.writer.Discard(std::move(**partial));
    return inspected;
  }
  return session.writer.Keep(std::move(**partial), arrived->sha256);
}

}  // namespace

Result<Event> TakeBeside(const Session& session) {
  const auto file = OpenLocal(session.job.reference);
  if (!file) return Fail(file.error());
  CloseOff(session.job, /*network=*/false);
  const Inspector inspector =
      session.job.work == Work::kProjector ? gguf::CheckProjector : InspectAdapter;
  if (auto inspected = inspector(file->get()); !inspected) return Fail(inspected.error());
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

Result<void> FetchBeside(const Session& session, Source& source) {
  for (const PartFile& file : source.adapters) {
    auto fetched = FetchOne(session, source, file, "adapter", InspectAdapter);
    if (!fetched) return fetched;
  }
  if (!source.projector) return {};
  auto fetched = FetchOne(session, source, *source.projector, "projector", gguf::CheckProjector);
  if (fetched || fetched.error().reason != "projector_kind") return fetched;
  session.reporter.Note("the model is taken without images: " + fetched.error().message);
  source.projector.reset();
  return {};
}

Result<void> CheckBeside(const Session& session, const models::Manifest& manifest, int file) {
  for (const models::StoredFile& adapter : manifest.adapters) {
    const auto opened = session.writer.store().OpenBlob(adapter.sha256);
    if (!opened) return Fail(opened.error());
    if (auto fits = gguf::CheckAdapter(opened->get(), file); !fits) return fits;
  }
  if (!manifest.projector) return {};
  const auto opened = session.writer.store().OpenBlob(manifest.projector->sha256);
  if (!opened) return Fail(opened.error());
  return gguf::CheckProjector(opened->get());
}

void DropBeside(const Session& session, const models::Manifest& manifest) {
  for (const models::StoredFile& file : models::FilesBeside(manifest))
    session.writer.DropIfLoose(file.sha256);
}

}  // namespace weir::fetch
