#include "server/document_object.h"

#include "knowledge/attributes.h"

namespace weir::server {
namespace {

void AppendPassage(json::Writer& writer, const knowledge::Passage& passage, size_t number,
                   bool text) {
  writer.BeginObject()
      .Field("index", number)
      .Field("document_id", passage.document_id)
      .Field("document", passage.document)
      .Field("file_id", passage.file_id)
      .Field("title", passage.title)
      .Field("section", passage.section)
      .Field("place", PlaceOf(passage));
  const auto add = [&](std::string_view key, uint64_t value) {
    if (value > 0) writer.Field(key, value);
  };
  add("page", passage.page_first);
  add("page_last", passage.page_last);
  add("line", passage.line_first);
  add("line_last", passage.line_last);
  if (passage.end > 0) writer.Field("byte_start", passage.begin).Field("byte_end", passage.end);
  writer.Field("label", chat::LabelName(passage.label))
      .Key("score")
      .Float(passage.score)
      .Key("similarity")
      .Float(passage.similarity);
  if (!passage.attributes.empty())
    writer.Key("attributes").Tree(knowledge::AttributesObject(passage.attributes));
  if (text) writer.Field("text", passage.text);
  writer.EndObject();
}

}  // namespace

void AppendDocumentFields(json::Writer& writer, const knowledge::DocumentInfo& document) {
  writer.Field("object", "weir.document")
      .Field("id", document.id)
      .Field("collection", knowledge::CollectionShown(document.collection))
      .Field("name", document.name)
      .Field("title", document.title)
      .Field("kind", document.kind)
      .Field("status", StatusName(document.status))
      .Field("bytes", document.bytes)
      .Field("chunks", document.chunks)
      .Field("sha256", document.sha256)
      .Field("label", chat::LabelName(document.found_label))
      .Field("updated", document.updated_s);
  if (document.pages > 0) writer.Field("pages", document.pages);
  if (document.label) writer.Field("label_given", chat::LabelName(*document.label));
  if (!document.reason.empty()) writer.Field("reason", document.reason);
  if (!document.message.empty()) writer.Field("message", document.message);
  if (!document.file_id.empty()) writer.Field("file_id", document.file_id);
  if (!document.attributes.empty())
    writer.Key("attributes").Tree(knowledge::AttributesObject(document.attributes));
  if (!document.duplicate_of.empty()) writer.Field("duplicate_of", document.duplicate_of);
}

void AppendPassages(json::Writer& writer, const std::vector<knowledge::Passage>& passages,
                    bool texts) {
  writer.BeginArray();
  for (size_t i = 0; i < passages.size(); ++i) AppendPassage(writer, passages[i], i + 1, texts);
  writer.EndArray();
}

Error NoDocumentsHere() {
  return {Code::kUnavailable, "this server keeps no documents", {}, "no_documents"};
}

}  // namespace weir::server
