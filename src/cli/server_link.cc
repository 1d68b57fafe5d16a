#include "cli/server_link.h"

#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "http/sse.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::cli {
namespace {

std::string ReadSmallFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The server's error in our terms: its status decides the exit code, its words are shown.
Error ErrorOf(int status, std::string_view body) {
  Error error{Code::kInternal, fmt::format("the server answered with status {}", status)};
  const auto document = json::Parse(body);
  const json::Value* inner = document ? document->Find("error") : nullptr;
  const json::Value* message = inner != nullptr ? inner->Find("message") : nullptr;
  const json::Value* reason = inner != nullptr ? inner->Find("code") : nullptr;
  if (message != nullptr && message->AsString() != nullptr) error.message = *message->AsString();
  if (reason != nullptr && reason->AsString() != nullptr) error.reason = *reason->AsString();
  if (status == 404) error.code = Code::kNotFound;
  if (status == 401) error.code = Code::kUnauthenticated;
  if (status == 403) error.code = Code::kForbidden;
  if (status == 503) error.code = Code::kUnavailable;
  return error;
}

}  // namespace

Error NoServer() {
  return {Code::kUnavailable, "no server runs here; start one with 'weir serve'", {}, "no_server"};
}

ServerLink ServerLink::At(std::string url, const Folders& folders) {
  const char* key = std::getenv("WEIR_API_KEY");
  if (key != nullptr && *key != '\0') return ServerLink(std::move(url), key);
  return ServerLink(std::move(url), ReadSmallFile(folders.data + "/operator.token"));
}

std::optional<ServerLink> ServerLink::Find(const Folders& folders) {
  if (!folders.server.empty()) return At(folders.server, folders);
  const auto document = json::Parse(ReadSmallFile(folders.data + "/serve.json"));
  const json::Value* address = document ? document->Find("address") : nullptr;
  if (address == nullptr || address->AsString() == nullptr) return std::nullopt;
  ServerLink link = At(*address->AsString(), folders);
  // After a crash the file may be there and the server not.
  http::ClientRequest probe = link.RequestFor("GET", "/livez");
  probe.total_timeout = std::chrono::seconds(5);
  http::Client client;
  if (!client.Do(probe)) return std::nullopt;
  return link;
}

http::ClientRequest ServerLink::RequestFor(std::string_view method, std::string_view path) const {
  http::ClientRequest request;
  request.method = method;
  request.url = url_ + std::string(path);
  if (!key_.empty()) request.headers.Add("authorization", fmt::format("Bearer {}", key_));
  return request;
}

Result<json::Value> ServerLink::Ask(const http::ClientRequest& request) {
  http::Client client;
  const auto reply = client.Do(request);
  if (!reply && reply.error().code == Code::kUnavailable) return Fail(NoServer());
  if (!reply) return std::unexpected(reply.error());
  if (reply->status >= 300) return Fail(ErrorOf(reply->status, reply->body));
  return json::Parse(reply->body, {.bytes = size_t{64} << 20, .values = 10'000'000});
}

Result<json::Value> ServerLink::Get(std::string_view path) { return Ask(RequestFor("GET", path)); }

Result<json::Value> ServerLink::Delete(std::string_view path) {
  return Ask(RequestFor("DELETE", path));
}

Result<json::Value> ServerLink::Post(std::string_view path, const json::Value& body) {
  http::ClientRequest request = RequestFor("POST", path);
  request.headers.Add("content-type", "application/json");
  request.body = json::Print(body);
  return Ask(request);
}

Result<json::Value> ServerLink::Put(std::string_view path, std::string body,
                                    const http::Headers& headers) {
  http::ClientRequest request = RequestFor("PUT", path);
  request.headers.Add("content-type", "application/octet-stream");
  for (size_t i = 0; i < headers.size(); ++i)
    request.headers.Add(headers.name(i), headers.value(i));
  request.body = std::move(body);
  return Ask(request);
}

Result<void> ServerLink::Stream(std::string_view path, const json::Value& body,
                                const std::function<bool(const json::Value&)>& on_event,
                                const std::atomic<bool>* cancel) {
  http::ClientRequest request = RequestFor("POST", path);
  request.headers.Add("content-type", "application/json");
  request.body = json::Print(body);
  request.cancel = cancel;
  request.wants_stream = [](int status) { return status == 200; };
  http::SseReader reader;
  Result<void> outcome;
  bool done = false;
  const auto take = [&](const http::SseReader::Event& event) {
    if (event.data == "[DONE]") {
      done = true;
      return true;
    }
    const auto document = json::Parse(event.data);
    if (!document) return true;
    if (document->Find("error") != nullptr) {
      outcome = Fail(ErrorOf(500, event.data));
      return false;
    }
    return on_event(*document);
  };
  request.on_body = [&](std::string_view bytes) { return reader.Feed(bytes, take).has_value(); };
  http::Client client;
  const auto reply = client.Do(request);
  if (!outcome) return outcome;
  if (done) return {};
  if (!reply && reply.error().code == Code::kUnavailable) return Fail(NoServer());
  if (!reply) return std::unexpected(reply.error());
  if (reply->status >= 300) return Fail(ErrorOf(reply->status, reply->body));
  return Fail(Code::kBackendFailed, "the answer broke off");
}

}  // namespace weir::cli
