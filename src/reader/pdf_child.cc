#include "reader/pdf_child.h"

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <vector>

#include "base/clock.h"
#include "process/sandbox.h"
#include "wire/document.h"

namespace weir::reader {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);
constexpr size_t kErrorBytesMax = size_t{16} << 10;
constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr uint64_t kAddressSpaceMax = uint64_t{1} << 30;

// Reads what is there; false at the end.
bool Drain(int fd, std::string& into, size_t bytes_max) {
  std::array<char, kBlockBytes> block;
  const ssize_t got = read(fd, block.data(), block.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got > 0 && into.size() <= bytes_max) into.append(block.data(), static_cast<size_t>(got));
  return got > 0;
}

std::unexpected<Error> Broken(const std::string& errors) {
  if (errors.find("Incorrect password") != std::string::npos) {
    return Fail(Code::kUnprocessable, "it is encrypted; decrypt it first", "document",
                "encrypted_document");
  }
  return Fail(Code::kUnprocessable, "it is no PDF that can be read", "document", "broken_document");
}

}  // namespace

Result<PdfChild> PdfChild::Start() {
  if (access(kPdfProgram, X_OK) != 0) {
    return Fail(Code::kUnavailable,
                "PDF files need pdftotext on this machine; install poppler-utils", "document",
                "pdf_reader_missing");
  }
  auto input = MakePipe();
  auto output = MakePipe();
  auto errors = MakePipe();
  if (!input || !output || !errors)
    return Fail(Code::kUnavailable, "no pipes are left on this machine");
  auto child = Child::Spawn(
      {.program = "/proc/self/exe",
       .arguments = {std::string(kPdfWord)},
       .environment = {"PATH=/usr/bin", "LANG=C.UTF-8"},
       .descriptors = {
           {0, input->read.get()}, {1, output->write.get()}, {2, errors->write.get()}}});
  if (!child) return Fail(child.error());
  for (const int fd : {input->write.get(), output->read.get(), errors->read.get()}) {
    if (auto set = SetNonBlocking(fd, true); !set) return Fail(set.error());
  }
  return PdfChild(std::move(*child), std::move(input->write), std::move(output->read),
                  std::move(errors->read));
}

Result<std::string> PdfChild::TextOf(std::string_view document) {
  const MonotonicTime deadline = SystemClock().Now() + kPatience;
  std::string text;
  std::string errors;
  bool text_open = true;
  bool errors_open = true;
  while (text_open || errors_open) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SystemClock().Now());
    if (left.count() <= 0) {
      return Fail(Code::kDeadlineExceeded,
                  fmt::format("it took more than {} s to read",
                              std::chrono::duration_cast<std::chrono::seconds>(kPatience).count()),
                  "document", "document_too_slow");
    }
    std::array<pollfd, 3> polled = {pollfd{text_open ? output_.get() : -1, POLLIN, 0},
                                    pollfd{errors_open ? errors_.get() : -1, POLLIN, 0},
                                    pollfd{input_.get(), POLLOUT, 0}};
    poll(polled.data(), polled.size(), static_cast<int>(left.count()));
    if (polled[2].revents != 0) {
      const ssize_t sent = write(input_.get(), document.data(), document.size());
      if (sent > 0) document.remove_prefix(static_cast<size_t>(sent));
      const bool failed = sent < 0 && errno != EAGAIN && errno != EINTR;
      if (document.empty() || failed) input_.Reset();
    }
    if (polled[0].revents != 0) text_open = Drain(output_.get(), text, wire::kDocumentTextBytesMax);
    if (polled[1].revents != 0) errors_open = Drain(errors_.get(), errors, kErrorBytesMax);
    if (text.size() > wire::kDocumentTextBytesMax) {
      return Fail(Code::kTooLarge,
                  fmt::format("its text is over {} bytes", wire::kDocumentTextBytesMax), "document",
                  "document_too_large");
    }
  }
  const ChildEnd end = child_.Wait();
  // It goes on over damaged pages and says so; without any text there was nothing to go on with.
  if (end.Clean() || !text.empty()) return text;
  return Broken(errors);
}

int BecomePdfProgram() {
  SandboxSpec spec = SandboxSpec::Tool(kPdfProgram);
  spec.address_space_bytes_max = kAddressSpaceMax;
  spec.cpu_seconds_max =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(kPatience).count());
  ApplySandbox(spec);
  execl(kPdfProgram, kPdfProgram, "-q", "-enc", "UTF-8", "-eol", "unix", "-", "-", nullptr);
  return 127;
}

}  // namespace weir::reader
