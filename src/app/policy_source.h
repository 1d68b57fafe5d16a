// The routing policy that is in force: from the configuration and from what lies in the model
// store. It notices when models come and go (`make models`, a pull) without a restart.
//
// I/O thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/engine_fleet.h"
#include "backends/provider_fleet.h"
#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "models/catalogue.h"
#include "models/store.h"
#include "policy/whole_policy.h"
#include "routing/from_settings.h"
#include "routing/router.h"
#include "server/site.h"

namespace weir::app {

class PolicySource {
 public:
  PolicySource(config::Settings settings, const models::Store& store,
               const models::Catalogue& catalogue, const Clock& clock);

  // The policy now. Looks at the store again when it changed, at most once a second.
  std::shared_ptr<const routing::Policy> Current();
  // The store was changed just now.
  void LookAgain() { looked_ = {}; }
  // After a reload.
  void Replace(config::Settings settings);
  const config::Settings& settings() const { return settings_; }

  // The full name of the local model that a name, alias or virtual model means first.
  Result<std::string> LocalModel(const std::string& name);
  std::vector<server::ListedModel> ListModels();
  // By its full name, for who asks what it is.
  Result<server::StoredModel> Stored(const std::string& model) const;
  // What the engine of this model opens and how it runs. The file has passed the inspector.
  Result<backends::ModelFile> FileOf(const std::string& model) const;
  // Targets beyond this machine, as the policy in force has them.
  const std::vector<backends::ProviderTarget>& provider_targets() const {
    return provider_targets_;
  }
  // Files outside of the store that the configuration names.

 private:
  void Rebuild();
  const policy::FileFacts& FactsOf(const models::Manifest& manifest);
  const config::Model* FileSettingsOf(const std::string& model) const;
  Result<models::OpenedModel> Open(const std::string& model) const;
  uint64_t StoreSignature() const;

  config::Settings settings_;
  const models::Store& store_;
  const models::Catalogue& catalogue_;
  const Clock& clock_;
  std::shared_ptr<const routing::Policy> policy_ = {};
  std::vector<server::ListedModel> listed_ = {};
  std::vector<backends::ProviderTarget> provider_targets_ = {};
  std::map<std::string, policy::FileFacts> facts_ = {};  // by sha256: what the inspector said
  int64_t since_s_ = 0;  // when the settings came into force: the age of names that are no file
  uint64_t signature_ = 0;
  MonotonicTime looked_ = {};
};

}  // namespace weir::app
