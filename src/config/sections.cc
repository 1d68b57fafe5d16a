#include "config/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "config/nearest.h"

namespace weir::config {

void FileContext::Add(uint32_t line, uint32_t column, std::string message) const {
  problems.Add(fmt::format("{}:{}:{}", file, line, column), std::move(message));
}

namespace value {
namespace {

std::unexpected<std::string> Takes(std::string_view what, const Node& node) {
  return std::unexpected(fmt::format("takes {}, not {}", what, KindName(node.kind)));
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._:@/-").find(c) != std::string_view::npos;
}

// A decimal for money comes from the digits in the file, never from the double.
Parsed<int64_t> Exact(const Node& node, int decimals) {
  if (node.kind == Node::Kind::kDecimal) {
    const bool same = !node.text.empty() && node.text.find('_') == std::string::npos
                          ? std::strtod(node.text.c_str(), nullptr) == node.decimal
                          : !node.text.empty();
    if (!same) return std::unexpected("takes a decimal; write it as a text, like \"0.001\"");
  } else if (node.kind != Node::Kind::kInteger && node.kind != Node::Kind::kText) {
    return Takes("an amount of money as a number or a text", node);
  }
  return ParseDecimal(node.text, decimals);
}

}  // namespace

Parsed<std::string> TextOrEmpty(const Node& node) {
  if (node.kind != Node::Kind::kText) return Takes("a text in quotes", node);
  if (node.text.size() > kTextMax) {
    return std::unexpected(fmt::format("takes at most {} bytes", kTextMax));
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(node.text, is_control)) {
    return std::unexpected("takes no control characters");
  }
  return node.text;
}

Parsed<std::string> Text(const Node& node) {
  auto text = TextOrEmpty(node);
  if (text && text->empty()) return std::unexpected("may not be empty");
  return text;
}

Parsed<std::string> Name(const Node& node) {
  auto text = Text(node);
  if (!text) return text;
  if (text->size() > 128 || !std::ranges::all_of(*text, IsNameCharacter)) {
    return std::unexpected("takes 1 to 128 characters of A-Z a-z 0-9 . _ : @ / -");
  }
  return text;
}

Parsed<bool> Flag(const Node& node) {
  if (node.kind != Node::Kind::kFlag) return Takes("true or false", node);
  return node.flag;
}

Parsed<double> Share(const Node& node) {
  double share = 0;
  if (node.kind == Node::Kind::kInteger) {
    share = static_cast<double>(node.integer);
  } else if (node.kind == Node::Kind::kDecimal) {
    share = node.decimal;
  } else {
    return Takes("a number from 0 to 1", node);
  }
  if (!(share >= 0 && share <= 1)) return std::unexpected("takes a number from 0 to 1");
  return share;
}

Parsed<Duration> Time(const Node& node) {
  if (node.kind != Node::Kind::kText && node.kind != Node::Kind::kInteger) {
    return Takes("a duration like \"30s\" or whole seconds", node);
  }
  return ParseDuration(node.text);
}

Parsed<Duration> Timeout(const Node& node) {
  auto time = Time(node);
  if (time && (*time < std::chrono::milliseconds(1) || *time > std::chrono::hours(24))) {
    return std::unexpected("takes a time from 1ms to 24h");
  }
  return time;
}

Parsed<int64_t> Size(const Node& node) {
  if (node.kind != Node::Kind::kText && node.kind != Node::Kind::kInteger) {
    return Takes("a size like \"32MiB\" or a number of bytes", node);
  }
  return ParseSize(node.text);
}

Parsed<int64_t> Money(const Node& node) { return Exact(node, kMoneyDecimals); }
// A millionth of a price with 6 decimals has 12: the count of units stays the same.
Parsed<int64_t> PerMillion(const Node& node) { return Exact(node, kPerMillionDecimals); }

std::string NotOneOf(const Node& node, std::span<const std::string_view> words) {
  if (node.kind != Node::Kind::kText) {
    return fmt::format("takes one of {}, not {}", fmt::join(words, ", "), KindName(node.kind));
  }
  const auto nearest = node.text.empty() ? std::nullopt : Nearest(node.text, words);
  return fmt::format("takes one of {}, not {}{}", fmt::join(words, ", "), Quoted(node.text),
                     nearest ? fmt::format("; did you mean '{}'?", *nearest) : "");
}

Parsed<chat::Label> Label(const Node& node) {
  constexpr std::string_view kWords[] = {"public", "internal", "personal", "secret"};
  const auto label = node.kind == Node::Kind::kText ? chat::LabelFromName(node.text) : std::nullopt;
  if (!label) return std::unexpected(NotOneOf(node, kWords));
  return *label;
}

Parsed<std::vector<std::string>> List(const Node& node) {
  if (node.kind != Node::Kind::kList) return Takes("a list of texts", node);
  if (node.list.size() > kListMax) {
    return std::unexpected(fmt::format("takes at most {} entries", kListMax));
  }
  std::vector<std::string> list;
  for (const Node& entry : node.list) {
    auto text = Text(entry);
    if (!text) return std::unexpected(fmt::format("[{}] {}", list.size(), text.error()));
    list.push_back(*std::move(text));
  }
  return list;
}

Parsed<std::vector<std::string>> SomeList(const Node& node) {
  auto list = List(node);
  if (list && list->empty()) return std::unexpected("is an empty list; name at least one");
  return list;
}

Parsed<std::vector<std::string>> OneOrList(const Node& node) {
  if (node.kind != Node::Kind::kText) return SomeList(node);
  auto text = Text(node);
  if (!text) return std::unexpected(text.error());
  return std::vector{*std::move(text)};
}

Parsed<int64_t> Integer(const Node& node, int64_t min, int64_t max) {
  if (node.kind != Node::Kind::kInteger) {
    return Takes(fmt::format("a whole number from {} to {}", min, max), node);
  }
  if (node.integer < min || node.integer > max) {
    return std::unexpected(
        fmt::format("takes a whole number from {} to {}, not {}", min, max, node.integer));
  }
  return node.integer;
}

}  // namespace value

std::string TableReader::Full(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const Node* TableReader::Take(std::string_view key) {
  known_.push_back(key);
  const auto found = std::ranges::find(table_.members, key, &Member::name);
  return found == table_.members.end() ? nullptr : &found->value;
}

bool TableReader::Has(std::string_view key) const {
  return std::ranges::find(table_.members, key, &Member::name) != table_.members.end();
}

void TableReader::Missing(std::string_view key) {
  context_.Add(table_.line, table_.column, fmt::format("{} is missing", Full(key)));
}

void TableReader::Wrong(const Node& node, std::string_view key, std::string_view what) {
  context_.Add(node.line, node.column, fmt::format("{} {}", Full(key), what));
}

void TableReader::Refuse(std::string_view key, std::string_view why) {
  refused_.push_back(key);
  const auto found = std::ranges::find(table_.members, key, &Member::name);
  if (found == table_.members.end()) return;
  context_.Add(found->line, found->column, fmt::format("{} {}", Full(key), why));
}

void TableReader::Finish() {
  for (const Member& member : table_.members) {
    if (std::ranges::find(known_, member.name) != known_.end() ||
        std::ranges::find(refused_, member.name) != refused_.end()) {
      continue;
    }
    context_.Add(member.line, member.column,
                 fmt::format("unknown key {}{}{}", Quoted(member.name),
                             path_.empty() ? "" : fmt::format(" in {}", path_),
                             Suggestion(member.name, known_)));
  }
}

}  // namespace weir::config
