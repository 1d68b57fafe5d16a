// The programs that a configuration names as `command`, and the files of keys and certificates:
// whether they are there. Apart from Load, because processes that read the same configuration may
// be closed off from their folders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"
#include "config/settings.h"
#include "config/units.h"

namespace weir::config {

// The path of a program: `name` itself when it has a slash, else the first folder of `path` (as in
// PATH) that has it. The error is the rest of "backend.command ...".
Parsed<std::string> FindProgram(const std::string& name, std::string_view path);

// Commands of backends whose program is not there now, with file, line and key.
std::vector<Problem> CommandProblems(const Settings& settings, std::string_view path);

// Files of keys and certificates that this process cannot read now, or that are empty. What they
// hold is not looked at.
std::vector<Problem> FileProblems(const Settings& settings);

}  // namespace weir::config
