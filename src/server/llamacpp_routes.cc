#include "server/llamacpp_routes.h"

#include <utility>

#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::server {
namespace {

constexpr size_t kTextBytesMax = size_t{8} << 20;
constexpr size_t kTokensMax = 1'000'000;

struct TokenizeAsked {
  std::string model = "auto";
  wire::Tokenize request = {};
};

Result<TokenizeAsked> ReadTokenize(std::string_view body) {
  const auto document = json::Parse(body);
  if (!document) return std::unexpected(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  TokenizeAsked asked;
  if (auto model = fields.String("model", 256)) asked.model = *model;
  asked.request.text = fields.Require().String("content", kTextBytesMax).value_or("");
  asked.request.add_special = fields.Bool("add_special").value_or(false);
  asked.request.parse_special = fields.Bool("parse_special").value_or(true);
  if (fields.Bool("with_pieces").value_or(false)) {
    fields.Refuse("with_pieces", "is not supported; ask /detokenize for the pieces");
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return asked;
}

struct DetokenizeAsked {
  std::string model = "auto";
  wire::Detokenize request = {};
};

Result<DetokenizeAsked> ReadDetokenize(std::string_view body) {
  const auto document = json::Parse(body);
  if (!document) return std::unexpected(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  DetokenizeAsked asked;
  if (auto model = fields.String("model", 256)) asked.model = *model;
  const json::Array* tokens = fields.Require().List("tokens", kTokensMax);
  for (size_t i = 0; tokens != nullptr && i < tokens->size(); ++i) {
    const int64_t* token = (*tokens)[i].AsInt();
    if (token == nullptr || *token < 0 || *token > INT32_MAX) {
      fields.Refuse("tokens", "takes token ids, which are whole numbers from 0");
      break;
    }
    asked.request.tokens.push_back(static_cast<int32_t>(*token));
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return asked;
}

}  // namespace

Task<void> PostTokenize(Site& site, Call& call) {
  auto asked = ReadTokenize(call.request().body);
  const Result<std::string> model =
      asked ? site.local_model(asked->model) : std::unexpected(asked.error());
  if (!model) {
    co_await call.SendError(model.error());
    co_return;
  }
  const auto tokens = co_await site.fleet.Tokenize(*model, std::move(asked->request));
  if (!tokens) {
    co_await call.SendError(tokens.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Key("tokens").BeginArray();
  for (const int32_t token : tokens->tokens) writer.Int(token);
  writer.EndArray().EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> PostDetokenize(Site& site, Call& call) {
  auto asked = ReadDetokenize(call.request().body);
  const Result<std::string> model =
      asked ? site.local_model(asked->model) : std::unexpected(asked.error());
  if (!model) {
    co_await call.SendError(model.error());
    co_return;
  }
  const auto text = co_await site.fleet.Detokenize(*model, std::move(asked->request));
  if (!text) {
    co_await call.SendError(text.error());
    co_return;
  }
  std::string body;
  json::Writer(&body).BeginObject().Field("content", text->text).EndObject();
  co_await call.SendJson(200, std::move(body));
}

}  // namespace weir::server
