#pragma once
// How commands reach a running service, and as whom.
#include <string>

#include "cli/settings.hpp"

namespace CLI {
class App;
}

namespace cli {

struct ServiceAccess {
  SettingFlags flags;  // of the settings that a development token is made by
  std::string url = "http://127.0.0.1:8000";
  std::string token;
};

// --url and --token. `access` must outlive the parsing.
void add_access_flags(CLI::App& command, ServiceAccess& access);

// Throws Unreachable, saying how to start a service. To be called before access_token(): making one may create the secret of
// a server that does not exist.
void require_service(const ServiceAccess& access);

// The one that was given, else a development token of the data folder.
std::string access_token(const ServiceAccess& access);

}  // namespace cli
