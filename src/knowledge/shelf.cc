#include "knowledge/shelf.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "hash/hash.h"
#include "knowledge/attributes.h"
#include "vectors/full_name.h"

namespace weir::knowledge {
namespace {

constexpr size_t kPointsAtOnce = 512;  // in one write: searches and other writers come between

// A UUID, which clients of every API take as an id.
std::string UuidOf(std::string_view text) {
  const std::string hex = Sha256::Of(text);
  return fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3),
                     hex.substr(17, 3), hex.substr(20, 12));
}

// By content: a chunk that did not change keeps its id, and with it its vector.
std::vector<std::string> IdsOf(const std::string& document_id, const std::vector<Chunk>& chunks) {
  std::map<std::string, int> seen;
  std::vector<std::string> ids;
  for (const Chunk& chunk : chunks) {
    const std::string content = Sha256::Of(chunk.Searched());
    const int occurrence = seen[content]++;
    ids.push_back(UuidOf(fmt::format("{}\n{}\n{}", document_id, content, occurrence)));
  }
  return ids;
}

json::Value PayloadOf(const DocumentInfo& document, const Chunk& chunk, size_t ordinal,
                      chat::Label label) {
  json::Object payload{{field::kDocumentId, document.id},
                       {field::kDocument, document.name},
                       {field::kTitle, document.title},
                       {field::kSection, chunk.section},
                       {field::kOrdinal, static_cast<int64_t>(ordinal)},
                       {field::kLabel, chat::LabelName(label)}};
  if (!document.file_id.empty()) payload.push_back({field::kFileId, document.file_id});
  if (!document.attributes.empty())
    payload.push_back({field::kAttributes, AttributesPayload(document.attributes)});
  const auto add = [&](const char* name, uint64_t value) {
    if (value > 0) payload.push_back({name, static_cast<int64_t>(value)});
  };
  if (chunk.end > 0) payload.push_back({field::kBegin, static_cast<int64_t>(chunk.begin)});
  add(field::kEnd, chunk.end);
  add(field::kPageFirst, chunk.page_first);
  add(field::kPageLast, chunk.page_last);
  add(field::kLineFirst, chunk.line_first);
  add(field::kLineLast, chunk.line_last);
  add(field::kPrefixBytes, chunk.Searched().size() - chunk.text.size());
  return json::Value(std::move(payload));
}

void SetField(json::Value& payload, std::string_view name, json::Value value) {
  json::Object* object = payload.AsObject();
  if (object == nullptr) return;
  for (json::Member& member : *object) {
    if (member.key != name) continue;
    member.value = std::move(value);
    return;
  }
}

Error NotWanted() {
  return {Code::kConflict, "the document was removed or cancelled while it was read", "document",
          "document_cancelled"};
}

ChunkLimits LimitsOf(const chat::Chunking& chunking) {
  constexpr size_t kBytesPerToken = 4;
  if (chunking.tokens == 0) return {};
  const size_t bytes_max = static_cast<size_t>(chunking.tokens) * kBytesPerToken;
  return {.target_bytes = bytes_max * 3 / 4,
          .bytes_max = bytes_max,
          .least_bytes = bytes_max / 5,
          .overlap_bytes = static_cast<size_t>(chunking.overlap) * kBytesPerToken};
}

Error NoDocument(const std::string& collection) {
  return {Code::kNotFound,
          fmt::format("there is no such document in {}", CollectionShown(collection)), "document",
          "document_not_found"};
}

vectors::Filter OfDocument(const std::string& id) {
  vectors::Filter filter;
  filter.must = {vectors::Match{field::kDocumentId, {id}}};
  return filter;
}

}  // namespace

Error NoCollection(const std::string& collection) {
  return {Code::kNotFound,
          fmt::format("there is no collection {} here", CollectionShown(collection)), "collection",
          "collection_not_found"};
}

Error ModelChanged(const std::string& collection) {
  return {Code::kConflict,
          fmt::format("the documents of {} are embedded by another model since just now",
                      CollectionShown(collection)),
          "collection", "model_changed"};
}

std::string CollectionShown(std::string_view full) {
  const auto parts = vectors::Split(full);
  return parts ? parts->name : std::string(full);
}

std::string DocumentIdOf(std::string_view collection, std::string_view name) {
  const std::string both = fmt::format("{}\n{}", collection, name);
  return "doc-" + Sha256::Of(both).substr(0, 32);
}

Result<std::shared_ptr<vectors::Collection>> Shelf::Open(const std::string& collection) {
  auto found = store_.Find(collection);
  if (found) return found;
  if (found.error().code != Code::kNotFound) return found;
  return std::shared_ptr<vectors::Collection>();
}

Result<Admitted> Shelf::Admit(const Upload& upload, int64_t now_s) {
  auto known = Known(upload.collection);
  if (!known) return Fail(known.error());
  const auto open = Open(upload.collection);
  if (!open) return Fail(open.error());
  if (*known && *open == nullptr) {
    // It was dropped through another API: its documents went with it.
    if (auto removed = registry_.RemoveCollection(upload.collection); !removed)
      return Fail(removed.error());
    known->reset();
  }
  const std::string model = *known ? (*known)->model : upload.model;
  const std::string id = DocumentIdOf(upload.collection, upload.name);
  const std::string sha256 = Sha256::Of(*upload.bytes);
  const auto earlier = registry_.Find(upload.collection, id);
  if (!earlier) return Fail(earlier.error());
  const bool of_other_file = *earlier && (*earlier)->file_id != upload.file_id;
  if (of_other_file && upload.file_id.empty()) {
    return Fail(Code::kConflict, "a file of this name is there already, through /v1/vector_stores",
                "document", "name_taken");
  }
  if (!upload.file_id.empty()) {
    if (!*earlier || of_other_file || (*earlier)->status != DocumentStatus::kReading)
      return Fail(NotWanted());
  }
  const bool same = *earlier && (*earlier)->sha256 == sha256 && (*earlier)->label == upload.label;
  if (same && (*earlier)->status == DocumentStatus::kReady)
    return Admitted{.document = **earlier, .settled = true, .model = model};

  // A kept file is found by its own attributes, whatever else has the same content.
  const auto twin = upload.file_id.empty() ? registry_.FindContent(upload.collection, sha256, id)
                                           : Result<std::optional<DocumentInfo>>(std::nullopt);
  if (!twin) return Fail(twin.error());
  const bool was_ready = *earlier && (*earlier)->status == DocumentStatus::kReady;
  // What others point to must not change under them.
  if (was_ready && (*earlier)->sha256 != sha256) {
    const auto handed = HandOver(**earlier, now_s);
    if (!handed) return Fail(handed.error());
  }
  DocumentInfo document{.id = id,
                        .collection = upload.collection,
                        .name = upload.name,
                        .sha256 = sha256,
                        .bytes = static_cast<int64_t>(upload.bytes->size()),
                        .chunks = was_ready ? (*earlier)->chunks : 0,
                        .label = upload.label,
                        .updated_s = now_s,
                        .created_s = now_s};
  if (*earlier) {
    document.created_s = (*earlier)->created_s;
    document.file_id = (*earlier)->file_id;
    document.attributes = (*earlier)->attributes;
    document.chunking = (*earlier)->chunking;
    document.asked = (*earlier)->asked;
  }
  // The same words under a higher label are kept by themselves: the label must count.
  const bool no_higher =
      *twin && (!upload.label ||
                ((*twin)->label && chat::Rank(*upload.label) <= chat::Rank(*(*twin)->label)));
  if (*twin && no_higher) {
    if (auto forgotten = Forget(document, {}); !forgotten) return Fail(forgotten.error());
    document.chunks = 0;
    document.kind = (*twin)->kind;
    document.title = (*twin)->title;
    document.found_label = (*twin)->found_label;
    document.status = DocumentStatus::kDuplicate;
    document.duplicate_of = (*twin)->name;
    if (auto put = registry_.Put(document); !put) return Fail(put.error());
    return Admitted{.document = std::move(document), .settled = true, .model = model};
  }
  if (auto put = registry_.Put(document); !put) return Fail(put.error());
  return Admitted{.document = std::move(document), .model = model};
}

Result<Prepared> Shelf::Prepare(const DocumentInfo& document, const wire::Pages& pages,
                                std::string_view bytes) {
  Prepared prepared{.chunks = ChunksOf(pages, document.name, bytes, LimitsOf(document.chunking))};
  const size_t count = prepared.chunks.size();
  if (count > Limits::kChunksMax) {
    return Fail(
        Code::kTooLarge,
        fmt::format("it has {} chunks; a document has at most {}", count, Limits::kChunksMax),
        "document", "document_too_large");
  }
  prepared.ids = IdsOf(document.id, prepared.chunks);
  prepared.vectors.resize(count);
  prepared.labels.resize(count, chat::Label::kUnscanned);
  const auto open = Open(document.collection);
  if (!open) return Fail(open.error());
  if (*open == nullptr) return prepared;
  const vectors::Space* own = OwnSpace((*open)->spec().spaces);
  if (own == nullptr) return prepared;
  const auto there = (*open)->Get(prepared.ids, {.vectors = true});
  if (!there) return Fail(there.error());
  std::map<std::string_view, const vectors::Point*> by_id;
  for (const vectors::Point& point : *there) by_id.emplace(point.id, &point);
  for (size_t i = 0; i < count; ++i) {
    const auto found = by_id.find(prepared.ids[i]);
    if (found == by_id.end()) continue;
    const auto vector = found->second->vectors.find(own->name);
    if (vector != found->second->vectors.end()) prepared.vectors[i] = vector->second;
  }
  return prepared;
}

Result<DocumentInfo> Shelf::Keep(DocumentInfo document, const Prepared& prepared,
                                 const std::string& model, int64_t now_s) {
  CHECK(!prepared.chunks.empty(), "a document without text is refused before");
  if (auto wanted = CheckWanted(document); !wanted) return Fail(wanted.error());
  const size_t dimensions = prepared.vectors.front().size();
  const vectors::Space space{
      .name = "", .dimensions = static_cast<uint32_t>(dimensions), .model = model};
  const auto known = Known(document.collection);
  if (!known) return Fail(known.error());
  if (*known && (*known)->model != model) return Fail(ModelChanged(document.collection));
  auto open = Open(document.collection);
  if (!open) return Fail(open.error());
  if (*open == nullptr) {
    open = store_.Create({.name = document.collection, .spaces = {space}});
    if (!open) return Fail(open.error());
  }
  if ((*open)->spec().spaces.empty()) {
    // It was made as a vector store, before anybody knew which model would embed.
    if (auto given = store_.GiveSpaces(document.collection, {{space}}); !given)
      return Fail(given.error());
    open = Open(document.collection);
    if (!open) return Fail(open.error());
    if (*open == nullptr) return Fail(NotWanted());
  }
  const vectors::Space own = *OwnSpace((*open)->spec().spaces);
  if (own.dimensions != dimensions) {
    return Fail(Code::kConflict,
                fmt::format("the collection {} does not take vectors of {} dimensions",
                            CollectionShown(document.collection), dimensions),
                "collection", "other_dimensions");
  }
  if (!*known) {
    const CollectionInfo info{.name = document.collection,
                              .model = model,
                              .dimensions = static_cast<int64_t>(dimensions)};
    if (auto put = registry_.PutCollection(info); !put) return Fail(put.error());
  }
  std::vector<vectors::Point> points;
  document.found_label = chat::Label::kPublic;
  for (size_t i = 0; i < prepared.chunks.size(); ++i) {
    CHECK(prepared.vectors[i].size() == dimensions, "every chunk is embedded by one model");
    document.found_label = chat::Join(document.found_label, prepared.labels[i]);
    points.push_back({.id = prepared.ids[i],
                      .vectors = {{own.name, prepared.vectors[i]}},
                      .payload = PayloadOf(document, prepared.chunks[i], i, prepared.labels[i]),
                      .text = prepared.chunks[i].Searched()});
    if (points.size() < kPointsAtOnce && i + 1 < prepared.chunks.size()) continue;
    if (auto put = (*open)->Upsert(points); !put) return Fail(put.error());
    points.clear();
  }
  if (auto forgotten = Forget(document, prepared.ids); !forgotten) return Fail(forgotten.error());
  document.status = DocumentStatus::kReady;
  document.chunks = static_cast<int64_t>(prepared.chunks.size());
  document.reason.clear();
  document.message.clear();
  document.updated_s = now_s;
  if (auto put = registry_.Put(document); !put) return Fail(put.error());
  return document;
}

Result<void> Shelf::Forget(const DocumentInfo& document,
                           const std::vector<std::string>& but_these) {
  const auto open = Open(document.collection);
  if (!open) return Fail(open.error());
  if (*open == nullptr) return {};
  vectors::Filter stale = OfDocument(document.id);
  if (!but_these.empty()) stale.must_not = {vectors::HasId{but_these}};
  const auto deleted = (*open)->Delete(stale);
  if (!deleted) return Fail(deleted.error());
  return {};
}

Result<DocumentInfo> Shelf::Refuse(DocumentInfo document, const Error& why, int64_t now_s) {
  if (auto wanted = CheckWanted(document); !wanted) return Fail(wanted.error());
  if (auto forgotten = Forget(document, {}); !forgotten) return Fail(forgotten.error());
  document.status = DocumentStatus::kFailed;
  document.chunks = 0;
  document.reason = why.reason.empty() ? std::string(CodeName(why.code)) : why.reason;
  document.message = why.message;
  document.updated_s = now_s;
  if (auto put = registry_.Put(document); !put) return Fail(put.error());
  return document;
}

Result<void> Shelf::CheckWanted(DocumentInfo& document) {
  const auto now = registry_.Find(document.collection, document.id);
  if (!now) return Fail(now.error());
  const bool wanted =
      *now && (*now)->status == DocumentStatus::kReading && (*now)->sha256 == document.sha256;
  if (!wanted) return Fail(NotWanted());
  document.attributes = (*now)->attributes;  // they may have changed meanwhile
  return {};
}

Result<DocumentInfo> Shelf::Find(const std::string& collection, const std::string& id_or_name) {
  auto found = registry_.Find(collection, id_or_name);
  if (found && !*found) found = registry_.Find(collection, DocumentIdOf(collection, id_or_name));
  if (!found) return Fail(found.error());
  if (!*found) return Fail(NoDocument(collection));
  return std::move(**found);
}

Result<std::vector<DocumentInfo>> Shelf::List(const std::string& collection,
                                              const std::string& after, size_t limit) {
  if (auto there = Collection(collection); !there) return Fail(there.error());
  return registry_.List(collection, after, limit);
}

Result<bool> Shelf::HandOver(const DocumentInfo& document, int64_t now_s) {
  auto others = registry_.DuplicatesOf(document.collection, document.name);
  if (!others) return Fail(others.error());
  if (others->empty()) return false;
  const auto open = Open(document.collection);
  if (!open) return Fail(open.error());
  if (*open == nullptr) return false;
  DocumentInfo heir = others->front();
  std::string after;
  int64_t chunks = 0;
  for (;;) {
    auto page = (*open)->Scroll(
        {.after = after, .limit = kPointsAtOnce, .filter = OfDocument(document.id)});
    if (!page) return Fail(page.error());
    for (vectors::Point& point : page->points) {
      point.id = UuidOf(heir.id + "\n" + point.id);
      SetField(point.payload, field::kDocumentId, heir.id);
      SetField(point.payload, field::kDocument, heir.name);
    }
    chunks += static_cast<int64_t>(page->points.size());
    if (auto put = (*open)->Upsert(page->points); !put) return Fail(put.error());
    if (!page->next) break;
    after = *page->next;
  }
  heir.status = DocumentStatus::kReady;
  heir.duplicate_of.clear();
  heir.chunks = chunks;
  heir.found_label = document.found_label;
  heir.updated_s = now_s;
  if (auto put = registry_.Put(heir); !put) return Fail(put.error());
  for (size_t i = 1; i < others->size(); ++i) {
    (*others)[i].duplicate_of = heir.name;
    if (auto put = registry_.Put((*others)[i]); !put) return Fail(put.error());
  }
  return true;
}

Result<DocumentInfo> Shelf::Remove(const std::string& collection, const std::string& id_or_name,
                                   int64_t now_s) {
  auto document = Find(collection, id_or_name);
  if (!document) return document;
  if (document->status == DocumentStatus::kReady) {
    if (auto handed = HandOver(*document, now_s); !handed) return Fail(handed.error());
  }
  if (auto forgotten = Forget(*document, {}); !forgotten) return Fail(forgotten.error());
  if (auto removed = registry_.Remove(collection, document->id); !removed)
    return Fail(removed.error());
  return document;
}

Result<CollectionInfo> Shelf::Collection(const std::string& name) {
  auto known = Known(name);
  if (!known) return Fail(known.error());
  const auto open = Open(name);
  if (!open) return Fail(open.error());
  // Documents of which none could be read, or none yet, make no collection of vectors.
  if (*known) return std::move(**known);
  if (*open == nullptr) {
    const auto tried = registry_.List(name, "", 1);
    if (!tried) return Fail(tried.error());
    if (tried->empty()) return Fail(NoCollection(name));
    return CollectionInfo{.name = name};
  }
  const vectors::Space* own = OwnSpace((*open)->spec().spaces);
  return CollectionInfo{.name = name, .dimensions = own == nullptr ? 0 : own->dimensions};
}

}  // namespace weir::knowledge
