#include "llm/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "llm/provider.hpp"
#include "llm/token_pieces.hpp"
#include "llm/token_table.hpp"

namespace llm {
namespace {

std::string_view table_bytes(std::string_view name) {
  const auto bytes = base::embedded(name);
  if (!bytes) {
    throw base::Error(base::Code::internal_error, fmt::format("the binary was built without its table {}", name));
  }
  return *bytes;
}

const CharClasses& classes() {
  static const CharClasses kClasses(table_bytes("tokens/classes.bin"));
  return kClasses;
}

const TokenTable& table_of(Encoding encoding) {
  if (encoding == Encoding::cl100k_base) {
    static const TokenTable kTable(table_bytes("tokens/cl100k_base.bin"));
    return kTable;
  }
  static const TokenTable kTable(table_bytes("tokens/o200k_base.bin"));
  return kTable;
}

Encoding encoding_of(std::string_view name) {
  if (name == "o200k_base") return Encoding::o200k_base;
  if (name == "cl100k_base") return Encoding::cl100k_base;
  throw base::Error(base::Code::validation_error,
                    fmt::format("there is no encoding {}; there are o200k_base and cl100k_base", name));
}

// Byte pair encoding of one piece: again and again the two neighbours become one whose token has the lowest rank, the
// first of them when there are several. Parts are a linked list over the bytes, candidates a heap in which outdated ones
// stay until they come up: O(n log n), also for a piece of 100,000 letters.
class Merger {
 public:
  explicit Merger(const TokenTable& table) : table_(table) {}

  // Calls `take` with each token's rank, in order.
  template <class Take>
  void merge(std::string_view piece, const Take& take) {
    if (const auto whole = table_.rank_of(piece); whole != TokenTable::kNone) return take(whole);
    piece_ = piece;
    split();
    while (!candidates_.empty()) {
      std::ranges::pop_heap(candidates_, later);
      const auto [rank, at] = candidates_.back();
      candidates_.pop_back();
      if (parts_[at].rank_with_next == rank) join(at);
    }
    for (std::uint32_t at = 0; at < piece.size(); at = parts_[at].next) {
      take(table_.rank_of(piece.substr(at, parts_[at].next - at)));
    }
  }

 private:
  struct Part {
    std::uint32_t before;  // where the part before begins
    std::uint32_t next;  // where this one ends
    std::uint32_t rank_with_next;
  };
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t at;
  };
  static bool later(const Candidate& a, const Candidate& b) { return a.rank != b.rank ? a.rank > b.rank : a.at > b.at; }

  void split() {
    const auto size = static_cast<std::uint32_t>(piece_.size());
    parts_.resize(size);
    candidates_.clear();
    for (std::uint32_t at = 0; at < size; ++at) parts_[at] = {at - 1, at + 1, TokenTable::kNone};
    for (std::uint32_t at = 0; at < size; ++at) rank(at);
  }

  void rank(std::uint32_t at) {
    auto& part = parts_[at];
    part.rank_with_next = TokenTable::kNone;
    if (part.next >= piece_.size()) return;
    part.rank_with_next = table_.rank_of(piece_.substr(at, parts_[part.next].next - at));
    if (part.rank_with_next == TokenTable::kNone) return;
    candidates_.push_back({part.rank_with_next, at});
    std::ranges::push_heap(candidates_, later);
  }

  void join(std::uint32_t at) {
    auto& part = parts_[at];
    parts_[part.next].rank_with_next = TokenTable::kNone;  // gone
    part.next = parts_[part.next].next;
    if (part.next < piece_.size()) parts_[part.next].before = at;
    rank(at);
    if (at > 0) rank(part.before);
  }

  const TokenTable& table_;
  std::string_view piece_;
  std::vector<Part> parts_;
  std::vector<Candidate> candidates_;
};

template <class Take>
void encode(Encoding encoding, std::string_view text, const Take& take) {
  const auto& characters = classes();
  Merger merger(table_of(encoding));
  while (!text.empty()) {
    const auto length = next_piece(encoding, characters, text);
    merger.merge(text.substr(0, length), take);
    text.remove_prefix(length);
  }
}

}  // namespace

bool is_encoding(std::string_view name) { return name.empty() || name == "o200k_base" || name == "cl100k_base"; }

std::int64_t count_tokens(std::string_view encoding, std::string_view text) {
  if (encoding.empty()) return estimate_tokens(text);
  std::int64_t count = 0;
  encode(encoding_of(encoding), text, [&](std::uint32_t) { ++count; });
  return count;
}

std::int64_t count_prompt(std::string_view encoding, const Request& request) {
  if (encoding.empty()) return estimate_prompt(request);
  constexpr std::int64_t kPerMessage = 4;  // role and separators
  std::int64_t tokens = 0;
  for (const auto* text : {&request.system, &request.summary, &request.guidance}) {
    if (!text->empty()) tokens += kPerMessage + count_tokens(encoding, text->reveal());
  }
  for (const auto& message : request.messages) tokens += kPerMessage + count_tokens(encoding, message.content.reveal());
  return tokens;
}

std::vector<std::uint32_t> encode_tokens(std::string_view encoding, std::string_view text) {
  std::vector<std::uint32_t> tokens;
  encode(encoding_of(encoding), text, [&](std::uint32_t rank) { tokens.push_back(rank); });
  return tokens;
}

}  // namespace llm
