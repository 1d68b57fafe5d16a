#include "cli/quality_report.h"

#include <fmt/format.h>

#include "cli/table.h"
#include "json/writer.h"

namespace weir::cli {
namespace {

const std::vector<std::string>& Heads() {
  static const std::vector<std::string> heads = {
      "MODEL", "TYPE", "SIZE", "BITS", "PERPLEXITY", "KL DIV", "SAME TOP", "PREFILL", "DECODE"};
  return heads;
}

std::string Rate(double tokens_per_s) {
  return tokens_per_s > 0 ? fmt::format("{:.1f}", tokens_per_s) : "-";
}

// The base has no distance from itself.
std::vector<std::string> Cells(const QualityRow& row, bool base) {
  const wire::TextQuality& quality = row.quality;
  return {row.name,
          row.type,
          Bytes(row.size),
          row.bits() > 0 ? fmt::format("{:.2f}", row.bits()) : "-",
          fmt::format("{:.4f} ± {:.4f}", quality.perplexity, quality.perplexity_error),
          base ? "-" : fmt::format("{:.5f} ± {:.5f}", quality.divergence, quality.divergence_error),
          base ? "-" : fmt::format("{:.2f} %", 100 * quality.same_top),
          Rate(quality.prefill_tokens_per_s),
          Rate(quality.decode_tokens_per_s)};
}

std::string Notes(const QualityReport& report) {
  std::string notes =
      fmt::format("Perplexity of {} tokens, the second {} of {}, of the text: {}.\n", report.tokens,
                  report.windows == 1 ? "half of a window"
                                      : fmt::format("halves of {} windows", report.windows),
                  report.context_tokens, report.text);
  if (report.rows.size() > 1) {
    notes += fmt::format(
        "KL divergence from {} (nats for a token), and how often both think the same token "
        "likeliest.\n",
        report.rows.front().name);
  }
  notes += fmt::format("Prefill and decode in tokens/s, a prompt of 512 and one stream, {} {}.\n",
                       report.threads, report.threads == 1 ? "thread" : "threads");
  return notes;
}

// A model's or file's name must not end a cell or begin markup.
std::string InMarkdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

std::string MarkdownLine(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += " " + InMarkdown(cell) + " |";
  return line + "\n";
}

void AppendRow(json::Writer& writer, const QualityRow& row, bool base) {
  const wire::TextQuality& quality = row.quality;
  const auto unless = [&](std::string_view key, bool unknown, double value) {
    writer.Key(key);
    if (unknown) {
      writer.Null();
    } else {
      writer.Double(value);
    }
  };
  writer.BeginObject()
      .Field("name", row.name)
      .Field("type", row.type)
      .Field("made", row.made)
      .Field("size", row.size);
  unless("bits_per_weight", row.bits() <= 0, row.bits());
  writer.Field("perplexity", quality.perplexity)
      .Field("perplexity_error", quality.perplexity_error);
  unless("kl_divergence", base, quality.divergence);
  unless("kl_divergence_error", base, quality.divergence_error);
  unless("same_top", base, quality.same_top);
  unless("prefill_tokens_per_s", quality.prefill_tokens_per_s <= 0, quality.prefill_tokens_per_s);
  unless("decode_tokens_per_s", quality.decode_tokens_per_s <= 0, quality.decode_tokens_per_s);
  writer.EndObject();
}

}  // namespace

double QualityRow::bits() const {
  return parameters == 0 ? 0 : 8 * static_cast<double>(size) / static_cast<double>(parameters);
}

std::string QualityTable(const QualityReport& report) {
  Table table(Heads());
  for (const QualityRow& row : report.rows) table.Add(Cells(row, &row == &report.rows.front()));
  return table.Text() + Notes(report);
}

std::string QualityMarkdown(const QualityReport& report) {
  std::string text = MarkdownLine({"model", "type", "size", "bits", "perplexity", "KL divergence",
                                   "same top token", "prefill, tokens/s", "decode, tokens/s"});
  text += "|---|---|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const QualityRow& row : report.rows)
    text += MarkdownLine(Cells(row, &row == &report.rows.front()));
  return text + "\n" + InMarkdown(Notes(report));
}

std::string QualityJson(const QualityReport& report) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject().Field("object", "weir.quality").Key("text").BeginObject();
  writer.Field("name", report.text)
      .Field("bytes", report.text_bytes)
      .Field("sha256", report.text_sha256)
      .EndObject();
  writer.Field("context_tokens", report.context_tokens)
      .Field("windows", report.windows)
      .Field("tokens", report.tokens)
      .Field("threads", report.threads)
      .Field("base", report.rows.front().name);
  writer.Key("models").BeginArray();
  for (const QualityRow& row : report.rows) AppendRow(writer, row, &row == &report.rows.front());
  writer.EndArray().EndObject();
  return text + "\n";
}

}  // namespace weir::cli
