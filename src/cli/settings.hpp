#pragma once
// Every setting of the service: the options of the folders, put together. To add one, add it to its folder's options.
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "coaching/business.hpp"
#include "coaching/options.hpp"
#include "coaching/webhooks.hpp"
#include "coaching/website.hpp"
#include "http/rate_limit.hpp"
#include "http/secrets.hpp"
#include "http/server.hpp"
#include "llm/providers.hpp"
#include "net/http_client.hpp"
#include "store/sqlite.hpp"
#include "telemetry/log.hpp"
#include "telemetry/tracer.hpp"

namespace cli {

enum class Stage { development, staging, production };
BOOST_DESCRIBE_ENUM(Stage, development, staging, production)

struct LogOptions {
  telemetry::Level level = telemetry::Level::info;
};
BOOST_DESCRIBE_STRUCT(LogOptions, (), (level))

struct TelemetryOptions {
  telemetry::TraceOptions traces;
};
BOOST_DESCRIBE_STRUCT(TelemetryOptions, (), (traces))

struct Settings {
  Stage stage = Stage::development;
  std::string data = "./data";  // folder of the database and the development secret; made when missing
  std::string topics_dir;       // a folder of topics beside those in the binary, replacing the same ids; "" for none
  http::ServerOptions http;
  http::AuthOptions auth;
  http::RateLimitOptions rate_limits;
  coaching::CoachingOptions coaching;
  coaching::BusinessOptions business;
  llm::LlmOptions llm;
  net::ClientOptions client;  // connections to model servers and to a Business API
  coaching::WebsiteOptions website;
  coaching::WebhookOptions webhooks;
  store::SqliteOptions store;
  LogOptions log;
  TelemetryOptions telemetry;
};
BOOST_DESCRIBE_STRUCT(Settings, (),
                      (stage, data, topics_dir, http, auth, rate_limits, coaching, business, llm, client, website,
                       webhooks, store, log, telemetry))

// What the command line says about settings.
struct SettingFlags {
  struct Named {
    std::string key;
    std::string text;
    std::string flag;  // "--port"
  };
  std::string file;               // --config; "": $PURPOSEPATH_CONFIG, else ./purposepath.yaml when it is there
  std::vector<std::string> sets;  // --set key=value
  std::vector<Named> named;
};

// Settings with their origins. Stays where it was made: `config` points into `values`.
struct LoadedSettings {
  LoadedSettings() = default;
  LoadedSettings(const LoadedSettings&) = delete;
  LoadedSettings& operator=(const LoadedSettings&) = delete;

  Settings values;
  base::Config config{values};
};

// Defaults < file < environment < flags. Throws base::ConfigError with every fault of a single setting.
void load_settings(LoadedSettings& out, const SettingFlags& flags, std::span<const std::string> environment);
std::vector<std::string> process_environment();

// What must hold between settings before a server may start. Throws base::ConfigError with every fault.
void check_for_serving(LoadedSettings& settings);

// The store's options, with the path that the data folder gives it when there is none.
store::SqliteOptions sqlite_options(const Settings& settings);

// 127.0.0.0/8, ::1 or localhost.
bool is_loopback(std::string_view host);

}  // namespace cli
