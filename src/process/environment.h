// What a child of ours gets to know of this process' environment.
#pragma once

#include <string>
#include <vector>

namespace weir {

// All of it ("NAME=value") but what is nobody's business: names with TOKEN, KEY, SECRET or PASSWORD
// in them, and those of `secrets`, which are told by no word. Proxies and the places of
// certificates are kept. Reads `environ`; call it before other threads change that.
std::vector<std::string> EnvironmentWithoutSecrets(const std::vector<std::string>& secrets = {});

}  // namespace weir
