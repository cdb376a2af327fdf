#include "cli/administration.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/commands.hpp"
#include "cli/development_token.hpp"
#include "cli/service.hpp"
#include "http/topic_administration.hpp"

namespace cli {
namespace {

std::filesystem::path address_file(const Settings& settings) {
  return std::filesystem::path(settings.data) / "purposepath.url";
}

std::string operator_name() {
  const char* name = std::getenv("USER");
  return name == nullptr || *name == '\0' ? "operator" : name;
}

std::string token_for(const AdministrationFlags& flags, const Settings& settings) {
  if (!flags.token.empty() && flags.tenant.empty()) return flags.token;
  TokenRequest request;
  request.user_id = operator_name();
  request.tenant_id = flags.tenant.empty() ? "operator" : flags.tenant;
  request.roles = {"owner", std::string(http::kOperatorRole)};
  request.tier = "ultimate";
  request.valid_for = std::chrono::minutes(10);
  return mint_token(settings, request);
}

// A service for this command alone: nobody else finds it, and it leaves open turns and jobs to the real one.
Settings for_this_command(Settings settings) {
  settings.http.host = "127.0.0.1";
  settings.http.port = 0;
  settings.http.threads = 1;
  settings.http.tls_certificate.clear();
  settings.http.tls_key.clear();
  settings.rate_limits.enabled = false;
  settings.log.level = telemetry::Level::error;
  return settings;
}

bool is_in_use(const base::Error& error) {
  const auto* details = error.details.if_object();
  const auto* reason = details == nullptr ? nullptr : details->if_contains("reason");
  return reason != nullptr && *reason == "locked by another process";
}

}  // namespace

void add_administration_flags(CLI::App& command, AdministrationFlags& flags, std::string_view things) {
  command.add_option("--tenant", flags.tenant, fmt::format("the {} of this tenant (default: of all tenants)", things))
      ->type_name("TENANT");
  command.add_option("--url", flags.url, "a service elsewhere (default: the one of the data folder)")->type_name("URL");
  command
      .add_option("--token", flags.token,
                  fmt::format("an administrator's token: the {} of its tenant (default: made here)", things))
      ->type_name("JWT")
      ->envname("PURPOSEPATH_TOKEN");
  add_setting_flags(command, flags.settings);
}

Administration::Administration(const AdministrationFlags& flags) {
  load_settings(settings_, flags.settings, process_environment());
  all_tenants_ = flags.tenant.empty() && flags.token.empty();
  find_service(flags);
  api_ = std::make_unique<ApiClient>(url_, token_for(flags, settings_.values));
}

Administration::~Administration() {
  api_.reset();
  if (own_) own_->drain();
}

void Administration::find_service(const AdministrationFlags& flags) {
  url_ = flags.url;
  if (!url_.empty()) return;
  std::signal(SIGPIPE, SIG_IGN);
  const auto configured = settings_.values;
  try {
    settings_.values = for_this_command(configured);
    own_ = std::make_unique<Service>(settings_.values);
    own_->serve_requests();
    url_ = fmt::format("http://127.0.0.1:{}", own_->port());
  } catch (const base::Error& error) {
    if (!is_in_use(error)) throw;
    settings_.values = configured;
    url_ = address_of_service(configured);
    if (url_.empty()) {
      throw base::Error(base::Code::dependency_unavailable,
                        error.message + " Or name the service that uses it with --url.");
    }
  }
}

std::string Administration::target(const std::string& path) const {
  if (!all_tenants_) return path;
  return path + (path.find('?') == std::string::npos ? "?" : "&") + "scope=all";
}

boost::json::value Administration::get(const std::string& path) { return api_->get(target(path)); }

boost::json::value Administration::post(const std::string& path, const boost::json::value& body) {
  return api_->post(target(path), body);
}

boost::json::value Administration::put(const std::string& path, const boost::json::value& body) {
  return api_->put(target(path), body);
}

std::string address_of_service(const Settings& settings) {
  std::ifstream in(address_file(settings));
  std::string url;
  std::getline(in, url);
  return url;
}

void write_address(const Settings& settings, const std::string& url) {
  std::ofstream(address_file(settings), std::ios::trunc) << url << '\n';  // a convenience: may fail on a full disk
}

}  // namespace cli
