// Test support: the dialects that clients speak and those that answer them, each behind one
// interface, so that a test or a measurement walks over all pairs. What a route of `server` does
// besides (headers, what is kept, what is booked) is not here.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "chat/event.h"
#include "chat/provider.h"
#include "chat/request.h"

namespace weir::pairs {

// One answer told to a client. Events in their order, then End, or Fail where one was refused.
class ClientAnswer {
 public:
  virtual ~ClientAnswer() = default;
  virtual Result<void> Append(const chat::Event& event, std::string& out) = 0;
  virtual Result<void> End(std::string& out) = 0;
  virtual void Fail(const Error& error, std::string& out) = 0;
};

struct ClientCall {
  chat::GenerateRequest request = {};
  bool stream = false;
  // The answer to this call, as a stream or whole, whichever of them the client asked for.
  std::function<std::unique_ptr<ClientAnswer>(bool streams)> answer = {};
};

struct ClientDialect {
  std::string_view name = {};  // "responses"
  std::string_view title = {};
  Result<ClientCall> (*read)(std::string_view body) = nullptr;
  std::string (*render_error)(const Error& error) = nullptr;
};
std::span<const ClientDialect> ClientDialects();

// Who answers. The local engine speaks no dialect: requests and events reach it as frames.
struct Answerer {
  std::string_view name = {};  // "engine", "openai", ...
  std::string_view title = {};
  const chat::ProviderDialect* dialect = nullptr;  // null: the engine
};
std::span<const Answerer> Answerers();

}  // namespace weir::pairs
