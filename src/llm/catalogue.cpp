#include "llm/catalogue.hpp"

namespace llm {

double cost_usd(const Prices& prices, const Usage& usage) {
  const auto or_input = [&](double price) { return price < 0 ? prices.input : price; };
  const auto plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens;
  const auto tokens = [](std::int64_t count) { return static_cast<double>(count); };
  return (tokens(plain) * prices.input + tokens(usage.cached_tokens) * or_input(prices.cached_input) +
          tokens(usage.cache_write_tokens) * or_input(prices.cache_write) +
          tokens(usage.completion_tokens) * prices.output) /
         1e6;
}

}  // namespace llm
