#include "reader/reader.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>

#include "base/log.h"
#include "process/sandbox.h"
#include "process/signals.h"
#include "reader/parse.h"
#include "reader/pdf_child.h"
#include "wire/frame.h"

namespace weir::reader {
namespace {

constexpr uint64_t kAddressSpaceMax = uint64_t{3} << 30;
constexpr uint64_t kCpuSecondsMax = 60;
constexpr size_t kBlockBytes = size_t{256} << 10;
constexpr size_t kHeadBytes = 64;  // of a Document frame: enough to see its kind

// The frames of the gateway; nothing at the end of the stream or when it broke the protocol.
class Input {
 public:
  explicit Input(int socket) : socket_(socket) {}

  // The kind, before the document itself is read: it stands at the front of the archive.
  std::optional<wire::DocumentKind> PeekKind() {
    while (head_.size() <= wire::kFrameHeaderBytes) {
      if (!ReadSome(kHeadBytes)) return std::nullopt;
    }
    const auto kind = static_cast<unsigned char>(head_[wire::kFrameHeaderBytes]);
    if (kind >= wire::kEnumCount<wire::DocumentKind>) return std::nullopt;
    return static_cast<wire::DocumentKind>(kind);
  }

  std::optional<wire::Document> Read() {
    frames_.Append(head_);
    for (;;) {
      auto frame = frames_.Next();
      if (!frame) return std::nullopt;
      if (*frame) {
        if ((*frame)->kind != static_cast<uint16_t>(wire::DocumentFrame::kDocument))
          return std::nullopt;
        return wire::Decode<wire::Document>((*frame)->body);
      }
      head_.clear();
      if (!ReadSome(kBlockBytes)) return std::nullopt;
      frames_.Append(head_);
    }
  }

 private:
  bool ReadSome(size_t bytes_max) {
    const size_t before = head_.size();
    head_.resize(before + bytes_max);
    ssize_t got = -1;
    do {
      got = read(socket_, head_.data() + before, bytes_max);
    } while (got < 0 && errno == EINTR);
    head_.resize(before + static_cast<size_t>(got > 0 ? got : 0));
    return got > 0;
  }

  int socket_;
  std::string head_ = {};
  wire::FrameReader frames_ = wire::FrameReader();
};

bool Send(int socket, wire::DocumentFrame kind, const std::string& body) {
  const std::string frame = wire::EncodeFrame(static_cast<uint16_t>(kind), 0, body);
  std::string_view left = frame;
  while (!left.empty()) {
    const ssize_t sent = write(socket, left.data(), left.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    left.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool SendFailure(int socket, const Error& error) {
  return Send(socket, wire::DocumentFrame::kFailure,
              wire::Encode(wire::Failure{.code = error.code,
                                         .message = error.message,
                                         .param = error.param,
                                         .reason = error.reason}));
}

Result<wire::Pages> PagesOf(const wire::Document& document, Result<PdfChild>& pdf) {
  if (document.kind != wire::DocumentKind::kPdf) return Parse(document);
  if (!pdf) return Fail(pdf.error());
  const auto text = pdf->TextOf(document.bytes);
  if (!text) return Fail(text.error());
  return ParsePdfText(*text);
}

}  // namespace

int RunReader(int socket) {
  IgnoreBrokenPipes();
  Input input(socket);
  const auto kind = input.PeekKind();
  if (!kind) return 0;  // nobody wanted anything
  Result<PdfChild> pdf = Fail(Code::kInternal, "no PDF was announced");
  if (*kind == wire::DocumentKind::kPdf) pdf = PdfChild::Start();
  SandboxSpec spec = SandboxSpec::Reader();
  spec.address_space_bytes_max = kAddressSpaceMax;
  spec.cpu_seconds_max = kCpuSecondsMax;
  const SandboxReport sandbox = ApplySandbox(spec);
  for (const std::string& line : sandbox.ToStrings()) LogDebug("sandbox: {}", line);
  const auto document = input.Read();
  if (!document || document->kind != *kind) return 1;
  const auto pages = PagesOf(*document, pdf);
  const bool sent = pages ? Send(socket, wire::DocumentFrame::kPages, wire::Encode(*pages))
                          : SendFailure(socket, pages.error());
  return sent ? 0 : 1;
}

}  // namespace weir::reader
