// What a child of ours gets to know of this process' environment.
#pragma once

#include <string>
#include <vector>

namespace weir {

// All of it ("NAME=value") but what is nobody's business: names with TOKEN, KEY, SECRET or PASSWORD
// in them. Proxies and the places of certificates are kept. Reads `environ`; call it before other
// threads change that.
std::vector<std::string> EnvironmentWithoutSecrets();

}  // namespace weir
