#include "knowledge/registry_rows.h"

#include <string>

namespace weir::knowledge {
namespace {

constexpr std::array kStatuses = {DocumentStatus::kReady, DocumentStatus::kFailed,
                                  DocumentStatus::kDuplicate, DocumentStatus::kCancelled};

// Whatever a label cannot be read as counts as the highest.
chat::Label LabelOf(std::string_view name) {
  return chat::LabelFromName(name).value_or(chat::Label::kUnscanned);
}

}  // namespace

DocumentStatus StatusFromName(std::string_view name) {
  for (const DocumentStatus status : kStatuses) {
    if (StatusName(status) == name) return status;
  }
  return DocumentStatus::kReading;
}

DocumentInfo DocumentRow(const sqlite::Statement& row) {
  DocumentInfo document{.id = std::string(row.Text(1)),
                        .collection = std::string(row.Text(0)),
                        .name = std::string(row.Text(2)),
                        .title = std::string(row.Text(3)),
                        .sha256 = std::string(row.Text(4)),
                        .kind = std::string(row.Text(5)),
                        .bytes = row.Int(6),
                        .pages = row.Int(7),
                        .chunks = row.Int(8),
                        .status = StatusFromName(row.Text(9)),
                        .found_label = LabelOf(row.Text(11)),
                        .reason = std::string(row.Text(12)),
                        .message = std::string(row.Text(13)),
                        .duplicate_of = std::string(row.Text(14)),
                        .updated_s = row.Int(15),
                        .created_s = row.Int(16),
                        .file_id = std::string(row.Text(17)),
                        .attributes = AttributesFromText(row.Text(18)),
                        .chunking = {.tokens = row.Int(19), .overlap = row.Int(20)},
                        .asked = std::string(row.Text(21))};
  if (!row.IsNull(10)) document.label = LabelOf(row.Text(10));
  return document;
}

}  // namespace weir::knowledge
