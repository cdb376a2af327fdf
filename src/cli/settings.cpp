#include "cli/settings.hpp"

#include <unistd.h>

#include <array>
#include <boost/asio/ip/address.hpp>
#include <filesystem>

#include "net/trace_exporter.hpp"

namespace cli {
namespace {

constexpr std::string_view kFileVariable = "PURPOSEPATH_CONFIG";
constexpr std::string_view kDefaultFile = "purposepath.yaml";
// Variables of ours that are no settings: the file's path, the chat's token, and what tests go by.
constexpr std::array<std::string_view, 5> kNoSettings{kFileVariable, "PURPOSEPATH_TOKEN", "PURPOSEPATH_BIN",
                                                      "PURPOSEPATH_VECTORS", "PURPOSEPATH_VECTORS_REQUIRED"};

std::string file_to_read(const SettingFlags& flags, std::span<const std::string> environment) {
  if (!flags.file.empty()) return flags.file;
  for (const auto& entry : environment) {
    const std::string_view text(entry);
    if (text.starts_with(kFileVariable) && text.substr(kFileVariable.size()).starts_with('=')) {
      return std::string(text.substr(kFileVariable.size() + 1));
    }
  }
  return std::filesystem::exists(kDefaultFile) ? std::string(kDefaultFile) : std::string();
}

void apply_set(base::Config& config, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos) {
    config.fault(assignment, "must be written as key=value", "--set");
  } else {
    config.set(base::trim(std::string_view(assignment).substr(0, equals)),
               std::string_view(assignment).substr(equals + 1), "--set");
  }
}

bool has_key(const http::AuthOptions& auth) { return !auth.secret.empty() || !auth.secret_file.empty(); }

void check_keys(LoadedSettings& settings) {
  const auto& auth = settings.values.auth;
  auto& config = settings.config;
  const auto long_enough = [](const base::Secret& secret) {
    return secret.empty() || secret.reveal().size() >= http::kMinKeyBytes;
  };
  if (!has_key(auth) && settings.values.stage != Stage::development) {
    config.fault(
        "auth.secret",
        "has no value, and only the development stage makes one by itself; set PURPOSEPATH_AUTH__SECRET to the "
        "output of `openssl rand -base64 48`, or auth.secret_file to a file that holds it");
  }
  if (!auth.secret.empty() && !auth.secret_file.empty()) {
    config.fault("auth.secret_file", "is set beside auth.secret; keep one of the two");
  }
  if (!long_enough(auth.secret)) config.fault("auth.secret", "must have at least 32 bytes");
  if (!long_enough(auth.previous_secret)) config.fault("auth.previous_secret", "must have at least 32 bytes");
}

constexpr int kHighestPort = 65'535;

void check_http(LoadedSettings& settings) {
  const auto& http = settings.values.http;
  auto& config = settings.config;
  if (http.port > kHighestPort) config.fault("http.port", "must be at most 65535; 0 takes any free port");
  if (http.tls_certificate.empty() != http.tls_key.empty()) {
    config.fault(http.tls_key.empty() ? "http.tls_key" : "http.tls_certificate",
                 "has no value, but TLS needs http.tls_certificate and http.tls_key, both PEM files");
  }
  // The secret of the development stage lies in the data folder of whoever started it: it is for one machine's use.
  if (settings.values.stage == Stage::development && !has_key(settings.values.auth) && !is_loopback(http.host)) {
    config.fault("http.host",
                 "is open to other machines, which the development stage allows only with a secret of your own; set "
                 "PURPOSEPATH_AUTH__SECRET to the output of `openssl rand -base64 48`, or listen on 127.0.0.1");
  }
}

void check_business(LoadedSettings& settings) {
  const auto& business = settings.values.business;
  if (business.provider == coaching::BusinessProvider::http && business.base_url.empty()) {
    settings.config.fault("business.base_url",
                          "has no value, but business.provider=http needs the address of the Business API, such as "
                          "https://business.example.com/api");
  }
  if (business.timeout.count() <= 0) settings.config.fault("business.timeout", "must be above zero, such as 2s");
}

// A way from the outside to what only this machine or its network can reach.
void check_private_addresses(LoadedSettings& settings) {
  if (settings.values.stage != Stage::production) return;
  if (!settings.values.website.allow_private.empty()) {
    settings.config.fault("website.allow_private",
                          "must be empty in production: whoever may ask for an analysis could read what answers there");
  }
  if (!settings.values.webhooks.allow_private.empty()) {
    settings.config.fault("webhooks.allow_private",
                          "must be empty in production: an administrator of a tenant could send requests there");
  }
}

void check_jobs(LoadedSettings& settings) {
  const auto& coaching = settings.values.coaching;
  constexpr auto kFault = "must be at least 1: jobs would never run";
  if (coaching.max_live_jobs < 1) settings.config.fault("coaching.max_live_jobs", kFault);
  if (coaching.job_attempts < 1) settings.config.fault("coaching.job_attempts", kFault);
}

// Throws nothing: a fault of the setting that cannot be used.
template <class Read>
void check_readable(LoadedSettings& settings, std::string_view key, Read read) {
  try {
    read();
  } catch (const base::Error& error) {
    settings.config.fault(key, error.message);
  }
}

void check_traces(LoadedSettings& settings) {
  const auto& traces = settings.values.telemetry.traces;
  if (!(traces.sample_ratio >= 0 && traces.sample_ratio <= 1)) {
    settings.config.fault("telemetry.traces.sample_ratio", "must be from 0 (none) to 1 (all)");
  }
  if (traces.endpoint.empty()) return;
  check_readable(settings, "telemetry.traces.endpoint", [&] { net::traces_url(traces); });
  check_readable(settings, "telemetry.traces.headers", [&] { net::trace_headers(traces); });
}

// What OpenTelemetry's own programs read; a variable of ours wins over it.
void read_open_telemetry(base::Config& config, std::span<const std::string> environment) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kVariables{{
      {"OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.traces.endpoint"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "telemetry.traces.headers"},
      {"OTEL_SERVICE_NAME", "telemetry.traces.service_name"},
  }};
  for (const std::string_view entry : environment) {
    for (const auto& [variable, key] : kVariables) {
      const bool names_it = entry.starts_with(variable) && entry.substr(variable.size()).starts_with('=');
      if (names_it) config.set(key, entry.substr(variable.size() + 1), variable);
    }
  }
}

}  // namespace

std::vector<std::string> process_environment() {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return entries;
}

store::SqliteOptions sqlite_options(const Settings& settings) {
  auto options = settings.store;
  if (options.path.empty()) options.path = (std::filesystem::path(settings.data) / "purposepath.db").string();
  return options;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(host, failed);
  return !failed && address.is_loopback();
}

void load_settings(LoadedSettings& out, const SettingFlags& flags, std::span<const std::string> environment) {
  auto& config = out.config;
  if (const auto file = file_to_read(flags, environment); !file.empty()) config.read_file(file);
  read_open_telemetry(config, environment);
  config.read_environment(environment, kNoSettings);
  for (const auto& assignment : flags.sets) apply_set(config, assignment);
  for (const auto& named : flags.named) config.set(named.key, named.text, named.flag);
  if (out.values.data.empty()) config.fault("data", "must name a folder, for instance ./data");
  config.check();
}

void check_for_serving(LoadedSettings& settings) {
  check_keys(settings);
  check_http(settings);
  check_business(settings);
  check_private_addresses(settings);
  check_jobs(settings);
  check_traces(settings);
  settings.config.check();
}

}  // namespace cli
