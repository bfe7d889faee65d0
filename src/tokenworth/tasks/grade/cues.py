"""Words and turns of English by which a text denies, supposes, asks, doubts, reports or withdraws an answer.

Small closed classes, put together: negations, words of error and of doubt, verbs of saying, conjunctions, pronouns. Every repetition is
bounded, so that a search takes time linear in the text.
"""

from __future__ import annotations

import re

_NOT = (
    r"(?:not|cannot|never|no|none|nothing|neither|nor|hardly|barely"
    r"|(?:do|does|did|is|was|are|were|ca|could|wo|would|should|has|have|had)n['’]?t)"
)
_BAD = (
    r"(?:wrong\w*|incorrect\w*|inaccurate|false|mistake\w*|erroneous\w*|errors?|invalid|impossible|absurd|nonsens\w*|unlikely|implausible"
    r"|flaw(?:s|ed)?"
    r"|contradict\w*|inconsistent|fail(?:s|ed)?|violat\w+|rejected|discarded|dismissed|excluded|eliminated|ruled\sout|withdrawn|retracted"
    r"|too\s(?:small|large|big|high|low|few|many|much|long|short|great|little|good|hasty|quick|fast)|far\sfrom|nowhere\snear"
    r"|misconceptions?|misprint|typo|trap|lie|myth|fallacy|dead\send|out\sof\sthe\squestion|made\s(?:that|it|this)\sup)"
)
_DOUBT = (
    r"(?:perhaps|maybe|possibly|unsure|uncertain|unclear|doubt(?:s|ed|ful)?|dubious|questionable|suspicious|torn"
    r"|(?:a|first|initial|wild|mere|rough)\sguess|at\s(?:best|worst))"
)
_SAID = (
    r"(?:said|says|claim(?:s|ed)|thinks|thought|guess(?:es|ed)|believe[sd]|told|writes|wrote|argue[sd]|reckon(?:s|ed)"
    r"|suspect(?:s|ed)|insist(?:s|ed)|assume[sd]|wonder(?:s|ed)?|according\sto(?!\s(?:the|this|our|these)\b)|supposedly|allegedly|reportedly"
    r"|(?:would|might|could)\s(?:say|answer|guess|think|write|claim|give)|tempt(?:ed|ing)|forgiven|beware|to\sguess|claim\sof)"
)
_WORDS = r"(?:[\w'’-]+,?\s){{0,{}}}"
"""At most that many words: ``_WORDS.format(3)``."""

INNOCENT = re.compile(
    r"\b(?:no|not)\s(?:doubt|question|matter\s(?:how|what|which|who|if)|only|just|counting|including|hard|difficult|surprising|needed"
    r"|necessary|other|further|additional|more|extra)\b|\bnothing\s(?:else|more)\b|\bdo(?:es)?\snot\s(?:matter|depend|need)\b"
    r"|\bnot\s(?:option\s|choice\s)?[\[({$*\"'\\]*(?:\d|(?-i:[A-Z])(?![\w'’]))|\bnot\s(?:option\s|choice\s)?[\[(]|\bno\.\s?\d",
    re.IGNORECASE,
)
"""Negations that deny nothing about the answer, among them that of another answer ("12, not 13")."""

# -- before the answer

CLAUSE = re.compile(
    r"[;=—]|,(?!\d)|\s[-–]\s|\b(?:so|then|thus|hence|therefore|but|because|since|and|which|means|giving|yields|leaving|makes|implies|implying)\b",
    re.IGNORECASE,
)
"""What separates the clause of an answer from what stands before it in the sentence."""
SENTENCE_BEFORE = re.compile(r"[.!?…]+[\"”’)\]*]*\s|\n")
"""What separates the sentence of an answer from the one before it."""
SAID_LAST = re.compile(rf"\b(?:{_SAID}|\w+ing\sto\s[\w'’]+(?:\s\w+)?)\s?\Z", re.IGNORECASE)
"""A verb of saying at the end: the comma after it opens no new clause ("he said, it is 12")."""
UNSTATED = re.compile(
    rf"(?:\b(?:{_NOT}|{_DOUBT}|{_SAID}|if|unless|whether|suppos(?:e|ed|ing)|assum(?:e|ing)|imagin(?:e|ing)|pretend|either"
    r"|(?:wrong|incorrect|untrue|false)\sthat"
    r"|(?:wrong|incorrect|mistaken|false|erroneous|naive|bad)\w*\s(?:\w+\s)?(?:answer|result|value|number|option|choice|solution)"
    r"|(?:previous|earlier|first|initial|old|former)\s(?:\w+\s)?(?:attempt|guess|try|answer|result|idea|thought|estimate)"
    r"|(?:one|another|a\spossible)\s(?:possible\s|other\s)?(?:candidate|possibility|option|answer|choice|guess)\s(?:is|was|would|could|might)"
    r"|(?:I|we|us|you|one|let['’]s)\s(?:\w+\s){0,3}(?:rul(?:e|ed)\sout|excluded?|reject(?:ed)?|dismiss(?:ed)?|discard(?:ed)?"
    r"|eliminated?|consider(?:ed)?|try|tried|test(?:ed)?|drop(?:ped)?|den(?:y|ied))"
    r"|(?:I|we)\s(?:\w+\s){0,2}(?:at\sfirst|first|initially|originally|previously|earlier|once|wrongly|mistakenly)"
    r"|(?:at\sfirst|initially|originally|previously|earlier|once)\s(?:I|we)"
    r"|rul(?:ed|ing)\sout|different\sfrom|differs\sfrom|anything\s(?:but|except))\b"
    r"|\blet\s(?:the|it|this|that)\s|\b(?:for|by)\s(?:the\s)?(?:sake|argument|contradiction)\b|\bsay\s(?:it|that|the)\s|\bclaim\sof\s"
    r"|\b(?:hop(?:ed?|ing)|wish\w*|used\sto\sbe|less\slikely|one\s(?:might|may|would|could))\b"
    r"|\A(?:were|had|should)\s|\b(?:might|may|could)\s(?:well\s|also\s|just\s)?be\b\s?(?:the\s|equal\sto\s)?[\[({$*\\a-z]{0,12}\Z)",
    re.IGNORECASE,
)
"""What in the clause before an answer denies, doubts or supposes it, or gives it to somebody else."""

ALL_BUT = re.compile(r"\b(?:any|all|every)\w*\s(?:\w+\s){0,2}(?:but|except|besides)\s[\[({$*\\]{0,4}\Z", re.IGNORECASE)
"""What right before an answer takes it out: "any answer but"."""
ARTICLES = frozenset(("the", "a", "an", "his", "her", "their", "another", "any", "some", "one", "my", "our", "your"))
"""Words that stand before "answer" with an adjective between them."""
OWNER = re.compile(
    r"(?P<whose>[\w'’]+)\s+(?P<kind>(?:[\w-]+\s+){0,2})(?:answer|option|choice|letter|response)s?\b"
    r"(?:\s(?:to|for|of)\s[^\n]{0,40})?\W*(?:(?:is|was|(?:would|should|must|will)\sbe)\W*(?:\w+\W*){0,2})?\Z",
    re.IGNORECASE,
)
"""Whose answer, and what kind of answer, a sentence such as "The answer is …" speaks of."""
KINDS = frozenset(
    re.findall(
        r"\w+",
        "accurate appropriate answer best chosen closest complete correct desired exact expected final full intended likely most more "
        "multiple numerical obvious only option overall plausible possible probable reasonable required right same "
        "short suitable true unique",
    )
)
"""Words between "the" and "answer" that leave it the answer of the text. Not "trap", "naive", "usual"."""

# -- after the answer

END = re.compile(r"(?<!\blbs)(?<!\boz)(?<!\bMrs)(?<!\bMr)(?<!\bDr)[.!?…]+(?=[\s\"”’'*)\]}$]|\Z)|\.\.+|…|\n+")
"""The end of a sentence."""
CUT = re.compile(
    r",(?!\d)|[;:—]|(?:\A|\s)[-–]\s|\s?\(|(?:\A|\s)(?=(?:but|yet|though|although|which|except|however|unless|or|while)\b)", re.IGNORECASE
)
"""What separates the parts of a sentence after an answer."""
REASON = re.compile(r"\s*(?:because|since|as|for|due|when|where|while|given)\b", re.IGNORECASE)
"""How a reason begins: what it denies is not the answer."""
CONSEQUENCE = re.compile(rf"{REASON.pattern}|\s*(?:so|therefore|thus|hence)\b", re.IGNORECASE)
"""How a later part of a sentence begins that draws a conclusion or gives a reason."""
CLOSERS = re.compile(r"(?:\\[)\]]|[)\]}*_`\"'”’$>% \t])+")
"""Marks around an answer."""
PREDICATE = re.compile(
    rf"(?:(?:[a-z]+\s){{0,2}}?(?:(?:is|was|seems|looks|appears|feels|would|could|can|must|does|has)\s{_WORDS.format(3)}(?:{_NOT}|{_BAD}|{_DOUBT})"
    r"|(?:is|was|ca|does|could|would|wo|has)n['’]t|cannot|fails|contradicts|violates)"
    r"|(?:did\snot|didn['’]t)\s(?:work|fit|hold|satisfy|check|add|match|pass|make\ssense)|at\s(?:best|worst)"
    r"|(?:is|was)\swhat\s(?!we\b|you\b|is\b|was\b|are\b|the\b|remains\b)\w+)\b",
    re.IGNORECASE,
)
"""What an answer is said to be, right after it. Plural verbs speak of the things counted: "12 are not red" denies nothing."""
AS_SUBJECT = re.compile(
    r"(?:is|was)\s(?!the\b|correct|right|left|how|indeed|also|therefore|thus|clearly|\d|[$\\(]"
    r"|(?:my|our|your)\s(?:final\s)?(?:answer|result|choice)\b)\w"
    r"|(?:does|did|has|had|would|could|might|may|must|can|should|will|used|seems|looks|looked|feels|felt|sounds|sounded|leads|led"
    r"|comes|came|turns|turned|appears|appeared|gives|gave)\s\w",
    re.IGNORECASE,
)
"""An answer that is the subject of its sentence is stated only by a few predicates: "12 is the answer", "12 is correct"."""
SET_OUT = re.compile(r"(?:=|(?:box|boxed|fbox|text\w*)\s?\{)[\s$\\({*]*\Z")
"""Before an answer that a box or an equation states, whatever is said of it."""
SOFT = re.compile(
    r"(?:\s*(?:and|but|yet|though|although|however|unfortunately|sadly|alas|except|so|thus|therefore|hence|just|only|merely"
    r"|oh|ah|well|yes|ok|okay)\b[,:]?)+\s*",
    re.IGNORECASE,
)
"""Words before what a sentence says."""
DUMMY = re.compile(rf"it\s(?:is|was|would\sbe)\s{_WORDS.format(3)}{_BAD}\s(?:to|that|for)\b", re.IGNORECASE)
"""A subject that stands for what follows: "It is a mistake to count the squares"."""
_ABOUT = r"(?:answer|result|value|number|solution|calculation|guess|choice|option|claim|total|argument|figure|sum|reasoning|count|working)"
_I = r"(?:(?-i:I)|we)(?:['’](?:m|ve|d|re))?"
TAKES_BACK = re.compile(
    r"\W*(?:(?:no|nope|nah|wait|hmm+|hm|oops|whoops|ugh|sorry|scratch|strike|correction|corrected|never\s?mind|hold\son|actually"
    r"|on\s(?:second|further)\s\w+|(?:or\s)?rather|I\smean|make\sthat|let\sme\s(?:re|correct|fix|try\sagain|start\sover)\w*"
    r"|(?:ignore|forget|disregard)\s(?:that|this|it|what|the|my)|kidding|joking|my\s(?:bad|mistake|error|fault|apolog\w+)|apolog\w+)\b"
    rf"|the\s(?:correct|right|real|true|actual|proper)\s(?:{_ABOUT}|one)\s(?:is|was|must|should|would)\b"
    rf"|(?:the|my|our)\s(?:\w+\s)?{_ABOUT}\s(?:above\s)?{_WORDS.format(4)}(?:{_NOT}|{_BAD}|{_DOUBT})\b"
    rf"|{_I}\s{_WORDS.format(2)}(?:{_NOT}|{_DOUBT})\s{_WORDS.format(2)}"
    r"(?:sure|certain|think|believe|know|confirm|verify|trust|agree|mean|prove|justify|idea|stand)\b"
    rf"|{_I}\s{_WORDS.format(2)}(?:{_DOUBT}|take\s(?:it|that|this)\sback|retract|withdraw|mis[a-z]{{3,}}|forgot|overlooked|missed|slipped|erred"
    r"|confused|(?:made|see|find|found|had)\s(?:a|an|the|my)\s(?:\w+\s)?(?:mistake|error|slip|bug)|changed?\smy\smind|was\s(?:wrong|mistaken|too))\b)",
    re.IGNORECASE,
)
"""How a sentence begins that withdraws an answer, wherever it stands after it."""
REFERS_BACK = re.compile(
    rf"\W*(?:(?:{_BAD}|{_DOUBT})\b"
    rf"|(?:(?:on|upon|after|by|in|at|to)\s{_WORDS.format(3)})?"
    rf"(?:this|that|it|which|(?:this|that|such\san?)\s(?:\w+\s)?{_ABOUT}|there)(?:['’]s)?\s{_WORDS.format(6)}(?:{_NOT}|{_BAD}|{_DOUBT})\b)",
    re.IGNORECASE,
)
"""How a sentence begins that denies or doubts what was said right before it."""
BARE = re.compile(r"\W*(?:not|never|cannot|(?:ca|is|was|does|wo)n['’]t)\b", re.IGNORECASE)
"""A sentence without a subject that denies the one before it: "Not quite."."""
ANEW = re.compile(
    rf"(?i:\W*(?:however|but|yet|though|instead|so|then|now|rather)\b[^\n]{{0,60}}\b(?:it|that|this|which|{_ABOUT})"
    r"\s(?:is|was|becomes|equals|(?:should|must|would)\sbe)\s(?:\w+ly\s|in\sfact\s)?)"
    r"[\[({$*\\]{0,4}(?:boxed\{|text\{)?(?:\d|[A-Z]\b)"
)
"""A later sentence that gives an answer anew: the one before it is no longer the last word."""
ASKED = re.compile(r"\W*(?:or|is|was|am|are|did|does|could|can|should|really|right|correct|sure)\b", re.IGNORECASE)
"""How a short question about an answer begins."""
COMMENT = re.compile(
    rf"\W*(?:(?:and|but|so|though|although)\s)?(?:(?-i:I)|you|please|edit|do\snot|don['’]t|nobody|no\sone"
    rf"|this|that|it|the\s(?:\w+\s)?(?:{_ABOUT}|one))\b",
    re.IGNORECASE,
)
"""How a sentence begins that speaks about the answer or of the writer."""
SUPPORT = re.compile(
    r"(?:(?:['’]s)?\s(?:indeed\s|also\s|simply\s|then\s)?(?:follows|can|may|is|was|are|satisfies|works|matches|agrees|fits|means"
    r"|gives|equals|comes|makes|completes|represents|corresponds|helps|shows|proves|required?s?|includes?|depends|holds|does|has|uses?|leaves|takes)\b"
    r"|(?:['’](?:ve|m|ll))?\s(?:hope|used?|checked|verified|have|chose|choose|picked|found|added|confident|sure|certain"
    r"|am\s(?:confident|sure|certain)|will|could|should|see|get|let|note|feel|refer|know)\b)",
    re.IGNORECASE,
)
"""How a sentence about an answer goes on where it does not speak against it."""
TAG = re.compile(
    rf"\W*(?:(?:or\s(?:so|something|thereabouts|some|maybe|perhaps|is|not|else)|give\sor\stake|I\sguess|unless|instead|if|or\sat\sleast"
    r"|(?:they|people|some|many)\s(?:say|think|claim|believe))\b"
    rf"|(?:but|though|although|yet)\s{_WORDS.format(4)}{_NOT}\b|not(?:\s(?:sure|certain|really|quite|so|right|correct)\b|\s*\Z)"
    rf"|(?!which|that|who)(?:(?:as|or\sso)\s)?{_WORDS.format(2)}{_SAID}\b)",
    re.IGNORECASE,
)
"""What after an answer in the same sentence leaves it open, or to somebody else."""
AGAINST = re.compile(rf"\b(?:{_NOT}|{_BAD}|{_DOUBT})\b", re.IGNORECASE)
"""Any word that denies, doubts or finds fault."""
OTHERS = re.compile(
    r"\W*(?:(?:all|any|the|no|every|in|for)\s)*(?:others?|otherwise|rest|remaining|first|second|third|last|next|final)\b", re.IGNORECASE
)
"""How a sentence begins that speaks of other answers or of steps."""
CLOSING = re.compile(
    r"\W*(?:done|q\.?e\.?d|(?:I\s|we\s)?hope|thanks?|thank|good|great|cheers|why|how|and|we|that['’]?s|hence|thus|so|therefore|check|verified|correct"
    r"|yes|indeed|ok|final|this|that|it|the|these|there|all|explanation|note|solution|answer|any|both|each|every|happy|enjoy|end)\b|\W*or\s*\Z",
    re.IGNORECASE,
)
"""How a short sentence after an answer begins that goes with it."""
