#include "gateway/ingest.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/loop.h"
#include "gateway/text_vectors.h"
#include "knowledge/document_kind.h"
#include "vectors/full_name.h"

namespace weir::gateway {
namespace {

constexpr size_t kBatchChunks = 16;
constexpr int kBeginningsMax = 3;

Error Unsupported() {
  return {Code::kUnprocessable, "it is of no kind that can be read here", "document",
          "unsupported_document"};
}

// Whether the document is to blame, and would be again.
bool IsOfDocument(const Error& error) {
  return error.code == Code::kUnprocessable || error.code == Code::kTooLarge;
}

Result<chat::Label> LabelOfText(const Gateway& gateway, const Asked& asked,
                                const std::string& model, const std::string& text) {
  const chat::EmbedRequest request{.model = model, .inputs = {{.text = text}}};
  const auto labelled =
      LabelOf(gateway, asked, model, {}, request.inputs, ScanOf(gateway, request));
  if (!labelled) return Fail(labelled.error());
  return labelled->label;
}

// Gives every chunk its label, and a vector where it has none. How many had none.
Task<Result<size_t>> Complete(Gateway& gateway, const Documents& documents, Asked asked,
                              std::string model, knowledge::Prepared& prepared) {
  std::vector<size_t> missing;
  for (size_t i = 0; i < prepared.chunks.size(); ++i) {
    auto label =
        LabelOfText(gateway, asked, documents.embedding_model, prepared.chunks[i].Searched());
    if (!label) co_return Fail(label.error());
    prepared.labels[i] = *label;
    if (prepared.vectors[i].empty()) missing.push_back(i);
    // Streams of others go on in between.
    if (i % kBatchChunks == 0 && !co_await SleepFor(Duration::zero()))
      co_return Fail(Code::kCancelled, "the client went away");
  }
  for (size_t first = 0; first < missing.size(); first += kBatchChunks) {
    if (auto room = co_await MakeRoom(gateway); !room) co_return Fail(room.error());
    const size_t behind = std::min(first + kBatchChunks, missing.size());
    std::vector<std::string> texts;
    for (size_t i = first; i < behind; ++i) texts.push_back(prepared.chunks[missing[i]].Searched());
    auto vectors = co_await TextVectors(gateway, documents, asked, model, std::move(texts));
    if (!vectors) co_return Fail(vectors.error());
    for (size_t i = first; i < behind; ++i)
      prepared.vectors[missing[i]] = std::move((*vectors)[i - first]);
  }
  co_return missing.size();
}

// From bytes to chunks that lack nothing.
Task<Result<std::pair<knowledge::DocumentInfo, knowledge::Prepared>>> ReadAndPrepare(
    Documents& documents, knowledge::DocumentInfo document,
    std::shared_ptr<const std::string> bytes) {
  const auto kind = knowledge::KindOf(document.name, *bytes);
  if (!kind) co_return Fail(Unsupported());
  document.kind = knowledge::KindName(*kind);
  auto pages =
      co_await documents.reader.Read({.kind = *kind, .name = document.name, .bytes = *bytes});
  if (!pages) co_return Fail(pages.error());
  document.title = pages->title;
  document.pages = pages->pages;
  auto prepared = co_await documents.library.Prepare(document, std::move(*pages), bytes);
  if (!prepared) co_return Fail(prepared.error());
  co_return std::pair(std::move(document), std::move(*prepared));
}

}  // namespace

std::string FullNameOf(const Asked& asked, std::string_view name) {
  return vectors::Joined({.tenant = asked.principal.tenant, .name = std::string(name)});
}

Task<Result<Ingested>> Ingest(Gateway& gateway, Documents& documents, Asked asked,
                              DocumentUpload upload) {
  if (auto checked = knowledge::CheckCollectionName(upload.collection); !checked)
    co_return Fail(checked.error());
  if (auto checked = knowledge::CheckDocumentName(upload.name); !checked)
    co_return Fail(checked.error());
  knowledge::Upload given{.collection = FullNameOf(asked, upload.collection),
                          .name = std::move(upload.name),
                          .bytes = std::make_shared<const std::string>(std::move(upload.bytes)),
                          .label = asked.label};
  co_return co_await IngestUpload(gateway, documents, std::move(asked), std::move(given));
}

namespace {

// The document has been taken (Library::Take).
Task<Result<Ingested>> IngestTaken(Gateway& gateway, Documents& documents, Asked asked,
                                   knowledge::Upload upload) {
  const auto bytes = upload.bytes;
  auto admitted = co_await documents.library.Admit(std::move(upload));
  if (!admitted) co_return Fail(admitted.error());
  if (admitted->settled) {
    const bool unchanged = admitted->document.status == knowledge::DocumentStatus::kReady;
    co_return Ingested{.document = std::move(admitted->document), .unchanged = unchanged};
  }
  auto read = co_await ReadAndPrepare(documents, admitted->document, bytes);
  if (!read && IsOfDocument(read.error())) {
    auto refused = co_await documents.library.Refuse(admitted->document, read.error());
    if (!refused) co_return Fail(refused.error());
  }
  if (!read) co_return Fail(read.error());
  auto& [document, prepared] = *read;
  const auto embedded = co_await Complete(gateway, documents, asked, admitted->model, prepared);
  if (!embedded) co_return Fail(embedded.error());
  auto kept =
      co_await documents.library.Keep(std::move(document), std::move(prepared), admitted->model);
  if (!kept) co_return Fail(kept.error());
  co_return Ingested{.document = std::move(*kept), .embedded = *embedded};
}

}  // namespace

Task<Result<Ingested>> IngestUpload(Gateway& gateway, Documents& documents, Asked asked,
                                    knowledge::Upload upload) {
  const auto model = documents.model_name(documents.embedding_model);
  if (!model) co_return Fail(model.error());
  upload.model = *model;
  const auto seat = documents.library.Take(upload.collection, upload.name);
  if (!seat) co_return Fail(seat.error());
  for (int beginning = 1;; ++beginning) {
    auto ingested = co_await IngestTaken(gateway, documents, asked, upload);
    // While it was read the collection came to be embedded by another model.
    const bool again = !ingested && ingested.error().reason == "model_changed";
    if (!again || beginning == kBeginningsMax) co_return ingested;
  }
}

}  // namespace weir::gateway
