#include "knowledge/document_kind.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/ascii.h"

namespace weir::knowledge {
namespace {

using Kind = wire::DocumentKind;

constexpr size_t kLookedAt = 8192;

constexpr std::pair<std::string_view, Kind> kByEnding[] = {
    {"txt", Kind::kText},     {"text", Kind::kText},    {"log", Kind::kText},
    {"rst", Kind::kText},     {"adoc", Kind::kText},    {"org", Kind::kText},
    {"tex", Kind::kText},     {"md", Kind::kMarkdown},  {"markdown", Kind::kMarkdown},
    {"mdx", Kind::kMarkdown}, {"html", Kind::kHtml},    {"htm", Kind::kHtml},
    {"xhtml", Kind::kHtml},   {"csv", Kind::kCsv},      {"tsv", Kind::kCsv},
    {"json", Kind::kJson},    {"jsonl", Kind::kJson},   {"ndjson", Kind::kJson},
    {"eml", Kind::kMail},     {"mbox", Kind::kMailbox}, {"pdf", Kind::kPdf},
    {"docx", Kind::kDocx},    {"pptx", Kind::kPptx},    {"xlsx", Kind::kXlsx},
    {"odt", Kind::kOpenText}, {"odp", Kind::kOpenText}, {"ods", Kind::kOpenText},
    {"epub", Kind::kEpub},
};

constexpr std::string_view kCodeEndings[] = {
    "c",    "h",   "cc",   "cpp", "cxx",    "hh",    "hpp",  "cu",    "py",    "js",    "mjs",
    "ts",   "tsx", "jsx",  "go",  "rs",     "java",  "kt",   "scala", "swift", "m",     "mm",
    "rb",   "php", "pl",   "lua", "sh",     "bash",  "zsh",  "ps1",   "r",     "jl",    "hs",
    "ml",   "ex",  "exs",  "erl", "clj",    "lisp",  "el",   "vim",   "sql",   "proto", "cs",
    "fs",   "vb",  "dart", "zig", "nim",    "cmake", "toml", "yaml",  "yml",   "ini",   "cfg",
    "conf", "css", "scss", "vue", "svelte", "asm",   "s",    "f90",   "tf",    "nix",   "bat"};

std::string EndingOf(std::string_view name) {
  const size_t slash = name.rfind('/');
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return "";
  std::string ending(name.substr(dot + 1));
  std::ranges::transform(ending, ending.begin(), AsciiLower);
  return ending;
}

std::optional<Kind> KindOfEnding(std::string_view ending) {
  for (const auto& [known, kind] : kByEnding) {
    if (known == ending) return kind;
  }
  if (std::ranges::find(kCodeEndings, ending) != std::end(kCodeEndings)) return Kind::kCode;
  return std::nullopt;
}

bool IsArchive(Kind kind) {
  return kind == Kind::kDocx || kind == Kind::kPptx || kind == Kind::kXlsx ||
         kind == Kind::kOpenText || kind == Kind::kEpub;
}

// What an archive is, by the names of members that stand in it uncompressed.
std::optional<Kind> KindOfArchive(std::string_view bytes) {
  const auto holds = [&](std::string_view text) { return bytes.find(text) != bytes.npos; };
  if (holds("application/epub+zip")) return Kind::kEpub;
  if (holds("application/vnd.oasis.opendocument")) return Kind::kOpenText;
  if (holds("word/document.xml")) return Kind::kDocx;
  if (holds("ppt/slides/slide")) return Kind::kPptx;
  if (holds("xl/worksheets/sheet")) return Kind::kXlsx;
  return std::nullopt;
}

bool LooksLikeHtml(std::string_view bytes) {
  std::string begin(bytes.substr(0, 512));
  std::ranges::transform(begin, begin.begin(), AsciiLower);
  return begin.find("<!doctype html") != begin.npos || begin.find("<html") != begin.npos;
}

}  // namespace

std::optional<Kind> KindOf(std::string_view name, std::string_view bytes) {
  const auto by_name = KindOfEnding(EndingOf(name));
  if (bytes.substr(0, 1024).find("%PDF-") != bytes.npos) return Kind::kPdf;
  if (bytes.starts_with("PK\x03\x04")) {
    if (by_name && IsArchive(*by_name)) return by_name;
    return KindOfArchive(bytes);
  }
  const bool wide = bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF");
  if (!wide && bytes.substr(0, kLookedAt).find('\0') != bytes.npos) return std::nullopt;
  // A name that promises an archive or a PDF and a content that is none: its parser says so.
  if (by_name) return by_name;
  return LooksLikeHtml(bytes) ? Kind::kHtml : Kind::kText;
}

std::string_view KindName(Kind kind) {
  constexpr std::array<std::string_view, wire::kEnumCount<Kind>> kNames = {
      "text", "markdown", "html", "code", "csv",  "json",         "mail",
      "mbox", "pdf",      "docx", "pptx", "xlsx", "opendocument", "epub"};
  return kNames[static_cast<size_t>(kind)];
}

bool IsDocumentName(std::string_view name) { return KindOfEnding(EndingOf(name)).has_value(); }

}  // namespace weir::knowledge
