// Any bytes as the body of each route about models: read or refused, and a refusal renders as JSON.
// What is read keeps the bounds that the model store relies on.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/ollama/error.h"
#include "dialects/ollama/models.h"
#include "json/parse.h"
#include "models/manifest.h"
#include "models/name.h"

namespace {

constexpr size_t kNameBytesMax = 512;

void Check(const weir::Error& error) {
  CHECK(!error.message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::ollama::RenderError(error)).has_value(),
        "an error that is not JSON");
}

void CheckName(const std::string& name) {
  CHECK(!name.empty() && name.size() <= kNameBytesMax, "a name out of bounds");
}

void Check(const weir::ollama::CreateCall& call) {
  using namespace weir::models;
  CheckName(call.model);
  CHECK(call.file.from.empty() != call.sha256.empty(), "made of nothing, or of two things");
  CHECK(call.sha256.empty() || IsSha256(call.sha256), "a digest is one");
  CHECK(call.file.parameters.size() <= kParametersMax, "too many parameters");
  CHECK(call.file.turns.size() <= kTurnsMax, "too many messages");
  for (const std::string* text : {&call.file.chat_template, &call.file.system, &call.file.licence})
    CHECK(text->size() <= kManifestTextBytesMax, "a text is too long");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto pull = weir::ollama::ReadPull(body);
  pull ? CheckName(pull->model) : Check(pull.error());
  const auto create = weir::ollama::ReadCreate(body);
  create ? Check(*create) : Check(create.error());
  const auto copy = weir::ollama::ReadCopy(body);
  if (!copy) Check(copy.error());
  const auto gone = weir::ollama::ReadDelete(body);
  gone ? CheckName(*gone) : Check(gone.error());
  if (const auto digest = weir::ollama::ReadDigest(body))
    CHECK(weir::models::IsSha256(*digest), "a digest is one");
  CHECK(weir::json::Parse(weir::ollama::RenderStatus(body)).has_value(), "a status is JSON");
  CHECK(weir::json::Parse(weir::ollama::RenderProgress(body, "", size, size / 2)).has_value(),
        "progress is JSON");
  return 0;
}
