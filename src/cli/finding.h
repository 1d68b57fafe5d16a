// What weir doctor found: one line for people, with what to do about it.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "config/settings.h"

namespace weir::cli {

enum class State { kGood, kNote, kBad };

struct Finding {
  State state;
  std::string what;
  std::string found;
  std::string advice = {};
};

std::string Words(const std::vector<std::string>& words);  // with spaces in between

// What processes have left in the model store, and who works there.
void CheckLeftovers(const std::string& store, std::vector<Finding>& findings);
// Who has the data folder.
void CheckDataFolder(const Folders& folders, bool server_answers, std::vector<Finding>& findings);
// Whether a server could listen where the configuration says; `server` is the address of the one
// that runs, or empty.
void CheckListening(const config::Settings& settings, const Folders& folders,
                    const std::string& server, std::vector<Finding>& findings);
// What the configuration says of places beyond this machine: the policy, files of keys and
// certificates. Needs no server.
void CheckPlaces(const config::Settings& settings, std::vector<Finding>& findings);
// What the running server knows: its sandbox, the door, keys that are missing, targets that fail.
void CheckDoor(ServerLink& link, std::vector<Finding>& findings);

}  // namespace weir::cli
