#pragma once
// The endpoints about the service itself; none needs a token (/metrics by configuration of whoever adds the routes).
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "http/message.hpp"
#include "llm/provider.hpp"
#include "store/store.hpp"
#include "telemetry/metrics.hpp"

namespace http {

enum class DependencyState { healthy, degraded, unhealthy, not_configured };
BOOST_DESCRIBE_ENUM(DependencyState, healthy, degraded, unhealthy, not_configured)

struct DependencyHealth {
  DependencyState state = DependencyState::healthy;
  std::string reason;  // for the operator; no secrets: it is shown
};

struct Dependency {
  std::string name;
  // Empty: not_configured. Must not throw; may take any time, but is not waited for longer than SystemInfo::patience.
  std::function<base::Task<DependencyHealth>()> check;
  bool required = true;  // the service is not ready without it
};

// The references must outlive what holds the Dependency.
Dependency store_dependency(store::Store& store);
Dependency model_dependency(llm::Provider& provider);

struct SystemInfo {
  std::string stage = "development";
  std::function<std::string()> openapi_json;  // called once, when somebody asks for it first
  base::Milliseconds patience{2'000};  // for all checks together
  base::Milliseconds remember{1'000};  // a report is given again for so long
};

// Any thread.
class System {
 public:
  using Handler = std::function<base::Task<Response>(const Request&)>;
  struct Route {
    std::string method;
    std::string pattern;
    Handler handler;
  };

  System(SystemInfo info, std::vector<Dependency> dependencies, const telemetry::Registry& metrics);

  // Handlers that refer to this object. /, /health, /api/v1/health, /api/v1/health/ready, /metrics, /openapi.json,
  // /docs and its files.
  std::vector<Route> routes();

  Response root() const;
  Response health() const;
  base::Task<Response> ready();
  Response metrics() const;
  Response openapi(const Request& request) const;
  Response docs(const Request& request) const;

 private:
  struct Report {
    Response response;
    std::chrono::steady_clock::time_point made;
  };
  std::optional<Response> remembered();
  base::Task<Response> check_all();

  SystemInfo info_;
  std::vector<Dependency> dependencies_;
  const telemetry::Registry& metrics_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  mutable std::once_flag openapi_made_;
  mutable std::string openapi_;
  mutable std::string openapi_tag_;
  std::mutex mutex_;
  std::optional<Report> report_;
  bool checking_ = false;
  mutable std::mutex tags_mutex_;
  mutable std::map<std::string, std::string, std::less<>> tags_;  // of the files of /docs
};

}  // namespace http
