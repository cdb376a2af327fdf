#include "llm/offline_summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "llm/tokens.hpp"

namespace llm::offline {
namespace {

constexpr std::string_view kMark = "(Notes taken by rules, in the coachee's own words:)";
constexpr std::string_view kConfirm = "confirm";
constexpr std::size_t kShortAnswer = 30;  // words; kept whole
constexpr std::size_t kLongestNote = 45;
constexpr std::string_view kEncoding = "o200k_base";

// The summary without the line that says what it is, and without notes of ours: what another coach wrote.
std::string_view by_another(std::string_view summary) {
  const auto line = summary.find('\n');
  if (line == std::string_view::npos) return {};
  summary.remove_prefix(line + 1);
  return base::trim(summary.substr(0, summary.find(kMark)));
}

bool has_number(const Sentence& sentence) {
  return std::any_of(sentence.words.begin(), sentence.words.end(),
                     [](const Word& word) { return word.lower[0] >= '0' && word.lower[0] <= '9'; });
}

bool shows_value(const Dialogue& dialogue, const Sentence& sentence) {
  return std::any_of(dialogue.values.found.begin(), dialogue.values.found.end(), [&](const Value& value) {
    return std::any_of(value.mentions.begin(), value.mentions.end(), [&](const Mention& mention) {
      return mention.sentence != nullptr && mention.sentence->text.data() == sentence.text.data();
    });
  });
}

// Names are capitalised inside a sentence; "I" is none.
bool has_name(const Sentence& sentence) {
  return std::any_of(
      sentence.words.begin() + (sentence.words.empty() ? 0 : 1), sentence.words.end(), [](const Word& word) {
        return word.text.size() > 1 && word.text[0] >= 'A' && word.text[0] <= 'Z' && word.text[1] != '\'';
      });
}

bool is_fact(const Dialogue& dialogue, const Sentence& sentence) {
  return has_number(sentence) || !date_in(sentence).empty() || !horizon_in(sentence, true).empty() ||
         shows_value(dialogue, sentence) || has_name(sentence);
}

void append_words(std::string& out, std::string_view text) {
  if (!out.empty()) out += ' ';
  for (const char c : text) out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
}

// A short answer whole; of a long one the sentences with a fact and the one that carries it, in their order.
std::string key_sentences(const Dialogue& dialogue, const Turn& turn) {
  std::size_t words = 0;
  for (const auto& sentence : turn.sentences) words += sentence.words.size();
  const auto* salient = salient_sentence(turn);
  std::string out;
  std::size_t taken = 0;
  for (const auto& sentence : turn.sentences) {
    const bool key = words <= kShortAnswer || &sentence == salient || is_fact(dialogue, sentence);
    if (!key || (taken > 0 && taken + sentence.words.size() > kLongestNote)) continue;
    append_words(out, sentence.text);
    taken += sentence.words.size();
  }
  return out;
}

struct Line {
  std::string text;
  bool fact = false;  // worth more than a plain answer
};

Line line_of(const Dialogue& dialogue, const Turn& turn) {
  Line line;
  const auto said = key_sentences(dialogue, turn);
  if (said.empty()) return line;
  line.text = "- ";
  if (turn.after_confirm) {
    line.text.append("[").append(kConfirm).append("] ");
  } else if (turn.question != nullptr) {
    line.text.append("[").append(turn.question->id).append("] ");
  }
  line.text += said;
  line.fact = turn.after_confirm || (turn.question != nullptr && !turn.question->expects.empty()) ||
              std::any_of(turn.sentences.begin(), turn.sentences.end(),
                          [&](const Sentence& sentence) { return is_fact(dialogue, sentence); });
  return line;
}

// The coach's question that the window's first message answers: it stands before the window, so only here.
std::string open_question(const Dialogue& dialogue, const Request& request) {
  if (request.messages.empty() || request.messages.back().role != Role::assistant) return "";
  if (dialogue.confirming) return fmt::format("\n- [{}]", kConfirm);
  return dialogue.pending != nullptr ? fmt::format("\n- [{}]", dialogue.pending->id) : "";
}

std::string joined(std::string_view before, const std::vector<Line>& lines) {
  std::string out(before);
  if (!out.empty()) out += '\n';
  out += kMark;
  for (const auto& line : lines) out.append("\n").append(line.text);
  return out;
}

}  // namespace

std::string summary_of(const Dialogue& dialogue, const Request& request) {
  std::vector<Line> lines;
  for (const auto& turn : dialogue.turns) {
    if (!turn.tells() && !turn.after_confirm) continue;
    if (auto line = line_of(dialogue, turn); !line.text.empty()) lines.push_back(std::move(line));
  }
  const auto most = request.max_tokens / 2;  // the other half is for models that think before they write
  std::string_view before = by_another(request.summary.reveal());
  const auto open = open_question(dialogue, request);
  auto out = joined(before, lines) + open;
  while (count_tokens(kEncoding, out) > most && (lines.size() > 1 || !before.empty())) {
    const auto plain = std::find_if(lines.begin(), lines.end(), [](const Line& line) { return !line.fact; });
    if (lines.size() > 1) {
      lines.erase(plain != lines.end() ? plain : lines.begin());
    } else {
      before = {};
    }
    out = joined(before, lines) + open;
  }
  return out;
}

std::vector<Note> read_notes(std::string_view summary) {
  std::vector<Note> notes;
  const auto mark = summary.find(kMark);
  if (mark == std::string_view::npos) return notes;
  summary.remove_prefix(mark + kMark.size());
  while (!summary.empty()) {
    const auto end = std::min(summary.find('\n'), summary.size());
    auto line = base::trim(summary.substr(0, end));
    summary.remove_prefix(std::min(end + 1, summary.size()));
    if (!line.starts_with("- ")) continue;
    line.remove_prefix(2);
    Note note;
    const auto close = line.find(']');
    if (line.starts_with('[') && close != std::string_view::npos) {
      note.question = line.substr(1, close - 1);
      line.remove_prefix(close + 1);
    }
    note.text = base::trim(line);
    notes.push_back(note);
  }
  return notes;
}

}  // namespace llm::offline
