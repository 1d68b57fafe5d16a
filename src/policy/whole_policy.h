// The whole policy: what the configuration says and what lies in the model store, with the names
// that nobody has to define (`auto`, `local`, `device`, the catalogue's aliases). One place for the
// gateway, which has it in force, and for commands that ask what another one would do. Pure but for
// FactsByFile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "gguf/info.h"
#include "ledger/price_list.h"
#include "models/catalogue.h"
#include "models/store.h"
#include "privacy/label_rules.h"
#include "routing/from_settings.h"
#include "routing/router.h"

namespace weir::policy {

inline constexpr std::string_view kEngineBackend = "here";

struct Whole {
  routing::Policy policy = {};                 // with its hash
  std::vector<std::string> local = {};         // names of this machine's models, in order
  std::vector<routing::Declared> beyond = {};  // targets that a provider answers for
};
// What a model is for.
enum class Use : uint8_t { kGenerate, kEmbed, kRank };
// What a model's file says of it, for lists.
struct FileFacts {
  Use use = Use::kGenerate;
  std::string family = {};        // "llama"
  uint64_t parameters = 0;        // 0 where the file cannot be read
  std::string quantisation = {};  // "Q4_K_M"
};
using UseOf = std::function<Use(const models::Manifest& manifest)>;

// `beyond` points into `settings`.
Whole WholePolicy(const config::Settings& settings, const models::Listing& listing,
                  const models::Catalogue& catalogue, const UseOf& use);
// Of a file that the inspector has seen; kGenerate and nothing else where it cannot be read.
FileFacts FactsOf(const Result<gguf::Info>& info);
// Opens the model's file for it.
FileFacts FactsByFile(const models::Store& store, const models::Manifest& manifest);

std::vector<privacy::LabelRule> LabelRulesOf(const config::Settings& settings);
// Of the targets that have one.
std::map<std::string, ledger::Price> TargetPricesOf(const config::Settings& settings,
                                                    const ledger::PriceList& prices);

}  // namespace weir::policy
