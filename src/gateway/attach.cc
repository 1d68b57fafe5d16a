#include "gateway/attach.h"

#include <utility>

#include "json/parse.h"
#include "json/writer.h"
#include "knowledge/shelf.h"

namespace weir::gateway {
namespace {

std::optional<chat::Label> JoinOf(std::optional<chat::Label> a, std::optional<chat::Label> b) {
  if (!a || !b) return a ? a : b;
  return chat::Join(*a, *b);
}

std::string TextAt(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  const std::string* text = found == nullptr ? nullptr : found->AsString();
  return text == nullptr ? "" : *text;
}

}  // namespace

std::string TextOfAsked(const Asked& asked, chat::Label floor) {
  const chat::Principal& who = asked.principal;
  std::string text;
  json::Writer(&text)
      .BeginObject()
      .Field("key_id", who.key_id)
      .Field("key_name", who.key_name)
      .Field("project", who.project)
      .Field("user", who.user)
      .Field("floor", chat::LabelName(chat::Join(who.label_floor, floor)))
      .Field("may_assert", who.may_assert_label)
      .EndObject();
  return text;
}

Asked AskedOfText(std::string_view text, std::string tenant) {
  Asked asked{.principal = {.tenant = std::move(tenant), .label_floor = chat::Label::kUnscanned},
              .priority = chat::Priority::kBackground};
  const auto value = json::Parse(text);
  if (!value) return asked;
  chat::Principal& who = asked.principal;
  who.key_id = TextAt(*value, "key_id");
  who.key_name = TextAt(*value, "key_name");
  who.project = TextAt(*value, "project");
  who.user = TextAt(*value, "user");
  who.label_floor = chat::LabelFromName(TextAt(*value, "floor")).value_or(chat::Label::kUnscanned);
  const json::Value* assert = value->Find("may_assert");
  who.may_assert_label = assert != nullptr && *assert == json::Value(true);
  return asked;
}

Task<Result<std::vector<knowledge::DocumentInfo>>> Attach(Documents& documents, files::Store& files,
                                                          Asked asked, std::string collection,
                                                          std::vector<FileAsked> wanted,
                                                          std::string batch_id) {
  if (auto may = MayAskFor(asked.principal, documents.embedding_model); !may)
    co_return Fail(may.error());
  std::vector<knowledge::FileWish> wishes;
  for (FileAsked& one : wanted) {
    auto file = co_await files.Find(asked.principal.tenant, one.file_id);
    if (!file) co_return Fail(file.error());
    wishes.push_back({.file_id = file->id,
                      .name = file->name,
                      .bytes = file->bytes,
                      .label = JoinOf(file->label, asked.label),
                      .attributes = std::move(one.attributes),
                      .chunking = one.chunking,
                      .asked = TextOfAsked(asked, file->label_floor)});
  }
  co_return co_await documents.library.OnShelf<std::vector<knowledge::DocumentInfo>>(
      [collection = std::move(collection), wishes = std::move(wishes),
       batch_id = std::move(batch_id)](knowledge::Shelf& shelf, int64_t now_s) {
        return shelf.Attach(collection, wishes, batch_id, now_s);
      });
}

}  // namespace weir::gateway
