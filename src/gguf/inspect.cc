#include "gguf/inspect.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>

#include "gguf/model.h"
#include "gguf/parsed.h"
#include "gguf/vocabulary.h"

namespace weir::gguf {
namespace {

constexpr std::array<char, 4> kMagic = {'G', 'G', 'U', 'F'};
// The least that a pair (8 + 1 byte key, type, 1 byte) and a tensor (8 + 1 byte name, no dimension,
// type, offset) take.
constexpr uint64_t kPairBytesMin = 14;
constexpr uint64_t kTensorEntryBytesMin = 25;

struct Header {
  uint32_t version = 0;
  uint64_t tensors = 0;
  uint64_t pairs = 0;
};

Result<void> CheckVersion(uint32_t version) {
  if ((version & 0xffff) == 0 && version != 0) {
    return Malformed("gguf_endian", "the file is big-endian; convert it for this machine");
  }
  if (version != 2 && version != 3) {
    return Malformed(
        "gguf_version",
        fmt::format("GGUF version {} is not supported; convert the file to version 3", version));
  }
  return {};
}

Result<Header> ReadHeader(Source& source) {
  Header header;
  std::array<char, 4> magic;
  if (source.size() < magic.size())
    return Malformed("gguf_magic", "the file is empty or too short to be a model");
  if (auto read = source.Read(magic.data(), magic.size()); !read) return Fail(read.error());
  if (magic != kMagic) return Malformed("gguf_magic", "the file is not in GGUF format");
  auto version = source.Number<uint32_t>();
  if (!version) return Fail(version.error());
  if (auto checked = CheckVersion(*version); !checked) return Fail(checked.error());
  header.version = *version;
  auto tensors = source.Number<uint64_t>();
  if (!tensors) return Fail(tensors.error());
  auto pairs = source.Number<uint64_t>();
  if (!pairs) return Fail(pairs.error());
  header.tensors = *tensors;
  header.pairs = *pairs;
  if (header.pairs > kKeysMax || header.pairs > source.remaining() / kPairBytesMin) {
    return Malformed(
        "gguf_key_count",
        fmt::format("the file claims {} keys; at most {} are allowed, and they must fit "
                    "into its {} bytes",
                    header.pairs, kKeysMax, source.size()));
  }
  if (header.tensors > kTensorsMax || header.tensors > source.remaining() / kTensorEntryBytesMin) {
    return Malformed(
        "gguf_tensor_count",
        fmt::format("the file claims {} tensors; at most {} are allowed, and they must "
                    "fit into its {} bytes",
                    header.tensors, kTensorsMax, source.size()));
  }
  return header;
}

Result<uint64_t> ReadAlignment(const Metadata& metadata) {
  auto alignment = metadata.Unsigned("general.alignment", UINT32_MAX);
  if (!alignment) return Fail(alignment.error());
  const uint64_t value = alignment->value_or(kAlignmentDefault);
  if (!std::has_single_bit(value) || value < kAlignmentMin || value > kAlignmentMax) {
    return Malformed("gguf_alignment",
                     fmt::format("the alignment is {}; a power of two from {} to {} is allowed",
                                 value, kAlignmentMin, kAlignmentMax),
                     "general.alignment");
  }
  return value;
}

Result<void> ReadModel(Source& source, const Metadata& metadata, const TensorTable& tensors,
                       Info& info) {
  auto tokenizer = ReadTokenizer(source, metadata);
  if (!tokenizer) return Fail(tokenizer.error());
  info.tokenizer = std::move(*tokenizer);
  if (info.tokenizer.model.empty()) {
    return Malformed("gguf_tokens_missing", "the model has no tokenizer", "tokenizer.ggml.model");
  }
  if (auto read = ReadTemplates(source, metadata, info); !read) return read;
  if (auto read = ReadHyperparameters(source, metadata, tensors, info); !read) return read;
  info.capabilities = Guess(info);
  return {};
}

}  // namespace

Result<Parsed> Parse(Source& source) {
  Info info;
  info.file_size = source.size();
  auto header = ReadHeader(source);
  if (!header) return Fail(header.error());
  info.version = header->version;
  auto metadata = Metadata::Read(source, header->pairs);
  if (!metadata) return Fail(metadata.error());
  auto alignment = ReadAlignment(*metadata);
  if (!alignment) return Fail(alignment.error());
  auto tensors = TensorTable::Read(source, header->tensors, *alignment);
  if (!tensors) return Fail(tensors.error());
  if (auto read = ReadGeneral(*metadata, *tensors, info); !read) return Fail(read.error());
  if (info.kind == Kind::kModel && info.split.number == 0) {
    if (auto read = ReadModel(source, *metadata, *tensors, info); !read) return Fail(read.error());
  }
  return Parsed{std::move(info), std::move(*metadata), std::move(*tensors)};
}

Result<Parsed> ParseDescriptor(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    return Fail(Code::kInvalidArgument, "a model has to be a regular file", "model");
  }
  Source source(fd, static_cast<uint64_t>(status.st_size));
  return Parse(source);
}

Result<Info> InspectBytes(std::span<const std::byte> file) {
  Source source(file);
  auto parsed = Parse(source);
  if (!parsed) return Fail(parsed.error());
  return std::move(parsed->info);
}

Result<Info> InspectDescriptor(int fd) {
  auto parsed = ParseDescriptor(fd);
  if (!parsed) return Fail(parsed.error());
  return std::move(parsed->info);
}

Result<Info> InspectFile(const std::string& path) {
  // Without O_NONBLOCK a named pipe in the file's place would hold this thread.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return Fail(Code::kNotFound, "there is no such model file", "model");
    return Fail(Code::kUnavailable,
                fmt::format("the model file cannot be opened: {}", strerror(errno)), "model");
  }
  auto info = InspectDescriptor(fd);
  close(fd);
  return info;
}

}  // namespace weir::gguf
