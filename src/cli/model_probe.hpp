#pragma once
// One call to one model, to see whether it can be had. Without router: no retries, no fallbacks.
#include <string>

#include "llm/providers.hpp"
#include "net/http_client.hpp"

namespace cli {

struct ModelProbe {
  std::string model;
  std::string vendor;
  std::string error;  // "" when it answered; else what went wrong and what to do
  base::Milliseconds latency{0};
  base::Milliseconds first_text{0};
  llm::Usage usage;
  double cost_usd = 0;
};

// Blocks until the model has answered or failed, at the latest after llm.timeouts.total. Does not throw for a failure.
ModelProbe probe_model(const llm::Model& model, const llm::LlmOptions& options, const net::ClientOptions& client);

}  // namespace cli
