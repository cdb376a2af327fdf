#pragma once
// How a command reaches the administration of a service: the one at --url, the one that runs on the configured store, or,
// when none runs, one that this process itself starts on that store for as long as the command takes.
#include <memory>
#include <string>

#include "cli/api_client.hpp"
#include "cli/settings.hpp"

namespace CLI {
class App;
}

namespace cli {

class Service;

struct AdministrationFlags {
  SettingFlags settings;
  std::string url;
  std::string token;  // without a tenant: says whose things these are
  std::string tenant;  // without it and a token: all tenants
};

// --url, --token, --tenant and the flags of settings. `things`: what the command is about, for the help. `flags` must
// outlive the parsing.
void add_administration_flags(CLI::App& command, AdministrationFlags& flags, std::string_view things = "topics");

class Administration {
 public:
  // Throws Error{dependency_unavailable} when the store is in use by a service that does not answer, Unreachable when
  // nothing answers at --url.
  explicit Administration(const AdministrationFlags& flags);
  ~Administration();

  boost::json::value get(const std::string& path);
  boost::json::value post(const std::string& path, const boost::json::value& body);
  boost::json::value put(const std::string& path, const boost::json::value& body);

 private:
  void find_service(const AdministrationFlags& flags);
  std::string target(const std::string& path) const;  // with the scope

  LoadedSettings settings_;
  bool all_tenants_ = false;
  std::unique_ptr<Service> own_;  // while no other runs
  std::string url_;
  std::unique_ptr<ApiClient> api_;
};

// Where a service on this data folder can be reached, written by it while it runs; "" when it did not say.
std::string address_of_service(const Settings& settings);
void write_address(const Settings& settings, const std::string& url);

}  // namespace cli
