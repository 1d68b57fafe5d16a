// Two ways in: bytes as they come, and a valid file with bytes replaced, cut and lengthened, which
// gets behind the header without a corpus. Whatever is accepted must hold what Info promises.
#include <cstdlib>
#include <cstring>

#include "base/utf8.h"
#include "gguf/file_builder.h"
#include "gguf/inspect.h"
#include "gguf/model.h"

namespace weir::gguf {
namespace {

void Expect(bool held) {
  if (!held) std::abort();
}

void Try(std::span<const std::byte> file) {
  const auto info = InspectBytes(file);
  if (!info) {
    Expect(!info.error().message.empty() && IsValidUtf8(info.error().message));
    return;
  }
  Expect(info->tensor_bytes <= file.size());
  Expect(info->split.number < info->split.count);
  if (info->kind != Kind::kModel || info->split.number > 0) return;
  Expect(info->layers >= 1 && info->layers <= kLayersMax);
  Expect(IsValidUtf8(info->chat_template));
  for (const auto& id : {info->tokenizer.special.bos, info->tokenizer.special.eos}) {
    Expect(!id || *id < info->tokenizer.tokens);
  }
}

// Records of 6 bytes: where (4), what (1), how (1).
std::string Spoil(std::string file, const uint8_t* data, size_t size) {
  for (; size >= 6; data += 6, size -= 6) {
    uint32_t at = 0;
    std::memcpy(&at, data, sizeof(at));
    if (file.empty()) break;
    at %= static_cast<uint32_t>(file.size());
    switch (data[5] % 8) {
      case 0:
        file.resize(at);
        break;
      case 1:
        file.insert(at, static_cast<size_t>(data[4]), static_cast<char>(data[5]));
        break;
      case 2:
        file.erase(at, data[4]);
        break;
      default:
        file[at] = static_cast<char>(data[4]);
    }
  }
  return file;
}

}  // namespace
}  // namespace weir::gguf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::gguf;
  static const std::string valid = FileBuilder::Model().Build();
  if (size == 0) return 0;
  if (data[0] % 2 == 0) {
    Try(std::as_bytes(std::span(data + 1, size - 1)));
  } else {
    Try(AsBytes(Spoil(valid, data + 1, size - 1)));
  }
  return 0;
}
