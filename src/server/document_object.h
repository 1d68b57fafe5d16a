// Documents and passages as JSON, wherever they are shown.
#pragma once

#include <vector>

#include "base/result.h"
#include "json/writer.h"
#include "knowledge/document.h"
#include "knowledge/passages.h"

namespace weir::server {

// The fields of one document, into an object that is open.
void AppendDocumentFields(json::Writer& writer, const knowledge::DocumentInfo& document);
// An array, numbered from 1 as answers cite them. Without `texts` it says where they are alone: an
// answer that is kept must not keep what was in a document.
void AppendPassages(json::Writer& writer, const std::vector<knowledge::Passage>& passages,
                    bool texts);

Error NoDocumentsHere();

}  // namespace weir::server
