#pragma once
// The client of a Business API: docs/business-api.openapi.yaml is the contract.
#include <mutex>

#include "base/bell.hpp"
#include "coaching/business.hpp"
#include "net/http_client.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace coaching {

struct BusinessDependencies {
  net::HttpClient& http;
  const base::Clock& clock;
  telemetry::Log& log;
  telemetry::Registry& metrics;
};

// One call for each read, for the tenant of whoever asks and with their token: without one nothing is asked. Not repeated
// but on a kept connection that turned out closed. A server that fails is left alone for a while.
class HttpBusiness final : public BusinessSource {
 public:
  // Throws Error{validation_error} naming the option that cannot be used. The references must outlive this.
  HttpBusiness(const BusinessOptions& options, BusinessDependencies dependencies);

  base::Task<BusinessData> read(BusinessQuery query) override;
  // Without a token, and at most every ten seconds: any answer but a server error is a sign of life.
  base::Task<BusinessHealth> health() override;

 private:
  base::Task<base::json::value> call(const BusinessQuery& query);
  base::Task<BusinessHealth> ask_health();
  base::Task<std::optional<net::CircuitBreaker::Permit>> enter();
  net::HttpRequest request_for(const BusinessQuery& query) const;
  void count(const BusinessQuery& query, std::string_view outcome);

  const BusinessOptions& options_;
  const BusinessDependencies deps_;
  const net::Url url_;
  const net::Url account_url_;
  net::CircuitBreaker breaker_;
  base::Bell told_;  // rings when a call has ended
  std::mutex mutex_;
  std::optional<BusinessHealth> last_health_;
  base::Time asked_health_{};
};

}  // namespace coaching
