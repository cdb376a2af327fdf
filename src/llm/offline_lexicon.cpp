#include "llm/offline_lexicon.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace llm::offline {
namespace {

struct Cue {
  const ValueEntry* entry;
  std::vector<std::string_view> tokens;
  bool noun;
};

// Keyed by the first three letters of the first token, which every match shares.
using CueIndex = std::unordered_map<std::string_view, std::vector<Cue>>;

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(mark, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string_view index_key(std::string_view token) {
  if (token.ends_with('*')) token.remove_suffix(1);
  return token.substr(0, 3);
}

CueIndex make_index() {
  CueIndex index;
  for (const auto& entry : value_lexicon()) {
    const auto add = [&](std::string_view cue, bool noun) {
      auto tokens = split(cue, ' ');
      const auto key = index_key(tokens.front());  // of the word, not the phrase: "by hand" is found by "by"
      index[key].push_back({&entry, std::move(tokens), noun});
    };
    const auto nouns_end = entry.cues.find(';');
    for (const auto cue : split(entry.cues.substr(0, nouns_end), '|')) {
      add(cue, true);
    }
    if (nouns_end == std::string_view::npos) continue;
    for (const auto cue : split(entry.cues.substr(nouns_end + 1), '|')) {
      add(cue, false);
    }
  }
  return index;
}

// "not honest", "no respect", "without trust": the word is there, the value is not.
bool negated(const std::vector<Word>& words, std::size_t at) {
  static const std::unordered_set<std::string_view> kNegations{
      "not", "no", "never", "without", "isn't", "don't", "doesn't", "wasn't", "lack", "nothing", "hardly"};
  for (std::size_t back = 1; back <= 2 && back <= at; ++back) {
    if (kNegations.contains(words[at - back].lower)) return true;
  }
  return false;
}

}  // namespace

const std::vector<ValueEntry>& value_lexicon() {
  static const std::vector<ValueEntry> kLexicon{
      {"craft",
       "craft|craftsmanship|workmanship|quality|excellence|thoroughness|diligence;done properly|do it properly|"
       "well made|threw * away * because|throw * away what|did it again until|was not right|standards|good enough|"
       "to the last detail|attention to detail|perfect*|cut corners|cutting corners|sloppy|half-hearted|"
       "by hand|mastery"},
      {"generosity",
       "generosity|giving|sharing;generous|gave * away|give * away|giving * away|for free|shared * with|"
       "who would pay|without asking for anything|donat*|help * neighbours|help * neighbors|volunteer*|unpaid|stingy"},
      {"honesty",
       "honesty|truth|truthfulness|sincerity|candour|candor|openness|transparency|straightforwardness;honest|"
       "honestly when|tell them honestly|tells * truth|told * truth|tell * truth|hard things to your face|"
       "to your face|to my face|to his face|to her face|say it in the room|said it in the room|talks badly|"
       "talk badly|behind * back|lie to|lies to|lied|lying|cheat*|fake|pretend*|open book|speak plainly|"
       "straight with|dishonest*"},
      {"reliability",
       "reliability|dependability|commitment;reliable|keep* * word|kept * word|keep* * promise*|"
       "kept * promise*|promise* * disappear*|promise* * nothing happens|promise* * and then|break* * promise*|"
       "broke * promise|if we promise|if i promise|count on|rely on|depend on me|there when it|"
       "on time|let * down|show up|showed up|shows up|stand by"},
      {"independence",
       "independence|autonomy|self-determination;independent|nobody can tell|no one can tell|"
       "tell us to|tell me what to|my own boss|own terms|said no|say no|on my own feet|own way|"
       "controlled by|told what to do"},
      {"freedom", "freedom|liberty;free to|feel free|room to breathe|caged|trapped|no strings"},
      {"loyalty",
       "loyalty|faithfulness;loyal|stood by|stand by me|stick together|stuck together|betray*|not in the room|"
       "left me alone|had my back|have * backs"},
      {"courage",
       "courage|bravery|boldness;brave|courageous|dared|dare to|stood up|stand up for|spoke up|speak up|"
       "took the risk|take risks|afraid but|scared but|despite * fear|coward*"},
      {"fairness",
       "fairness|justice|equality|equity;fair|unfair*|injustice|unjust|same chance|equal* treat*|"
       "treated equally|everybody gets the same|exploit*|take advantage"},
      {"respect",
       "respect|dignity;respectful*|disrespect*|talked down to|talks down|looked down on|listened to|"
       "on equal terms|at eye level|humiliat*|made fun of|too stupid"},
      {"kindness",
       "kindness|care|caring|compassion|warmth|empathy|love|gentleness;kind to|caring for|took care of|"
       "take care of|looked after|look after|feel loved|comfort*|was there for|there for each other|"
       "be there for|cruel*|unkind|warm"},
      {"family",
       "family;my children|my kids|my daughter|my son|my wife|my husband|my parents|at home with|my mother|"
       "my father|grandchildren"},
      {"friendship", "friendship;my friends|best friend|old friend*"},
      {"community",
       "community|belonging|togetherness|solidarity|neighbourhood|neighborhood;each other|one another|"
       "belong|the neighbours|the neighbors|village|knows everybody|stand together|"
       "alone in it"},
      {"teamwork", "teamwork|collaboration|cooperation;as a team|team effort|pulled together|worked together"},
      {"responsibility",
       "responsibility|accountability|ownership|stewardship;responsible|accountable|took the blame|"
       "blame others|owned up|my fault|own up|answer for"},
      {"trust", "trust;trusted|trusting|trustworth*|confide*"},
      {"confidence",
       "confidence|empowerment;trust their own|trust themselves|more capable|believe in themselves|"
       "do it themselves|on their own feet"},
      {"learning",
       "learning|growth mindset|knowledge|education|teaching|mentoring;learned something|learn something|"
       "taught myself|teach*|keep learning|study|studied"},
      {"curiosity",
       "curiosity|discovery|exploration;curious|wanted to know|took * apart|how it works|explore*|"
       "wondered|experiment*"},
      {"creativity",
       "creativity|imagination|originality|innovation|ingenuity;creative|invent*|made something new|"
       "from nothing|new idea*|design* something"},
      {"beauty", "beauty|aesthetics|elegance;beautiful|art|music|poetry"},
      {"nature",
       "nature|sustainability|environment;sustainab*|the forest|outdoors|the planet|climate|throw* away because|"
       "thrown away|waste|wasteful"},
      {"health",
       "health|wellbeing|well-being|vitality;healthy|stay well|prevention|"
       "in good shape|rested"},
      {"balance", "balance|calm|serenity|peace|stillness;at peace|slow down|a quiet hour|breathe"},
      {"humility", "humility|modesty;humble|modest|show off|showing off|arrogan*|bragg*|ego"},
      {"humour", "humour|humor|fun|playfulness|joy|lightness|laughter;laugh*|playful|joke*|make * smile"},
      {"patience",
       "patience;patient with|took time for|take time for|takes time for|never shouted|in a hurry|rush*|"
       "time for every*"},
      {"perseverance",
       "perseverance|persistence|endurance|tenacity|determination|resilience|stamina;never gave up|"
       "did not give up|didn't give up|don't give up|kept going|keep going|stubborn|carried on|"
       "against all odds|hung in"},
      {"simplicity", "simplicity|minimalism;simple things|keep it simple|less is more|no frills"},
      {"order", "order|discipline|structure;tidy|well organised|well organized|disciplined|chaos"},
      {"security", "security|safety|stability;safe|secure|stable|steady"},
      {"adventure", "adventure|spontaneity|variety;adventur*|travel*|into the unknown|new places"},
      {"faith", "faith|spirituality|devotion;god|pray*|spiritual"},
      {"gratitude", "gratitude|thankfulness;grateful|thankful|appreciat*"},
      {"service",
       "service|helpfulness|contribution;serve others|help people|helped people|make a difference|"
       "be useful|being useful|of use"},
      {"hospitality", "hospitality;welcom*|open door|my table|guests|cook* for"},
      {"tradition", "tradition|heritage|continuity;handed down|grandfather|grandmother|generations|old way"},
      {"authenticity",
       "authenticity|integrity;authentic|true to myself|true to yourself|be myself|being myself|"
       "be yourself|wear* a mask|walk * talk|when nobody watches|in the mirror"},
      {"optimism", "optimism|hope;hopeful|looking forward|bright side"},
      {"wisdom", "wisdom|judgement|judgment|foresight;wise"},
      {"tolerance",
       "tolerance|diversity|inclusion|openness to others;tolerant|include everybody|left out|"
       "everybody is welcome|discriminat*|racis*"},
  };
  return kLexicon;
}

std::vector<CueMatch> find_cues(const std::vector<Word>& words) {
  static const CueIndex kIndex = make_index();
  std::vector<CueMatch> found;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto cues = kIndex.find(index_key(words[at].lower));
    if (cues == kIndex.end()) continue;
    for (const auto& cue : cues->second) {
      const auto last = match_cue(cue.tokens, words, at);
      if (!last || (cue.tokens.size() == 1 && negated(words, at))) continue;
      const auto same =
          std::find_if(found.begin(), found.end(), [&](const CueMatch& m) { return m.entry == cue.entry; });
      if (same == found.end()) {
        found.push_back({cue.entry, at, *last, cue.noun});
      } else if (*last - at > same->last - same->first) {
        *same = {cue.entry, at, *last, cue.noun};
      }
    }
  }
  return found;
}

std::string_view means_word(const std::vector<Word>& words) {
  static const std::unordered_set<std::string_view> kMeans{
      "money",    "profit", "profits", "growth",  "success", "revenue",   "turnover",
      "survival", "status", "career",  "wealth",  "fame",    "power",     "efficiency",
      "income",   "sales",  "results", "winning", "salary",  "reputation"};
  const auto found =
      std::find_if(words.begin(), words.end(), [](const Word& word) { return kMeans.contains(word.lower); });
  return found == words.end() ? std::string_view() : std::string_view(found->text);
}

}  // namespace llm::offline
