// The running server, as commands see it: found through serve.json in the data folder (or --server,
// WEIR_SERVER), asked over HTTP with the key of WEIR_API_KEY, or with the token that the server
// left in the data folder for its own user.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"
#include "json/value.h"

namespace weir::cli {

struct Folders {
  std::string data = {};
  std::string models = {};
  std::string server = {};  // an address that was given; empty: look into the data folder
};

class ServerLink {
 public:
  // Nothing when no server runs for this data folder.
  static std::optional<ServerLink> Find(const Folders& folders);
  // The server of this data folder at `url`.
  static ServerLink At(std::string url, const Folders& folders);

  const std::string& url() const { return url_; }

  // The document of a good answer; the server's own error otherwise. kUnavailable with reason
  // no_server when nobody answers.
  Result<json::Value> Get(std::string_view path);
  Result<json::Value> Post(std::string_view path, const json::Value& body);
  Result<json::Value> Delete(std::string_view path);
  // With a body that is no JSON, and headers of its own.
  Result<json::Value> Put(std::string_view path, std::string body, const http::Headers& headers);
  // Gives the bodies of server-sent events as they come; `on_event` returns false to end early.
  Result<void> Stream(std::string_view path, const json::Value& body,
                      const std::function<bool(const json::Value&)>& on_event,
                      const std::atomic<bool>* cancel);

 private:
  ServerLink(std::string url, std::string key) : url_(std::move(url)), key_(std::move(key)) {}
  http::ClientRequest RequestFor(std::string_view method, std::string_view path) const;
  Result<json::Value> Ask(const http::ClientRequest& request);

  std::string url_;
  std::string key_;
};

Error NoServer();

}  // namespace weir::cli
