"""The words that the graders know: how answers are led in, in several languages, and what in English surrounds, denies or withdraws one.

Data alone; `places`, `stated` and `number` say where which of them is looked for.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LEADS: tuple[tuple[str, str, str, str], ...] = (
    ("German", "antwort|lösung|ergebnis|richtige option", "", "ist|lautet"),
    ("Dutch", "antwoord", "", "is"),
    ("Swedish, Danish, Norwegian", "svaret|svar", "", "är|er"),
    ("Spanish", "respuesta|opción correcta|opcion correcta", "correcta|final", "es"),
    ("Portuguese", "resposta|opção correta|alternativa correta", "correta|certa|final", "é"),
    ("French", "réponse|reponse|option correcte", "correcte|exacte|juste|finale", "est"),
    ("Italian", "risposta|opzione corretta", "corretta|esatta|giusta|finale", "è"),
    ("Romanian", "răspunsul|răspuns", "corect|final", "este"),
    ("Polish", "odpowiedź|odpowiedz", "", "to|jest"),
    ("Czech", "odpověď", "", "je"),
    ("Russian", "ответ", "", "—|–"),
    ("Ukrainian", "відповідь", "", "—|–"),
    ("Greek", "απάντηση", "", "είναι"),
    ("Turkish", "cevap|yanıt", "", ""),
    ("Finnish", "vastaus", "", "on"),
    ("Hungarian", "válasz", "", ""),
    ("Vietnamese", "đáp án|câu trả lời", "đúng|chính xác|cuối cùng", "là"),
    ("Indonesian, Malay", "jawabannya|jawaban", "yang benar|yang tepat|akhir|akhirnya", "adalah|ialah"),
    ("Hebrew", "התשובה|תשובה", "הנכונה|הסופית", "היא"),
    ("Arabic", "الإجابة|الجواب|إجابة", "الصحيحة|الصحيح|النهائية", "هي|هو"),
    ("Persian", "پاسخ|جواب", "صحیح|نهایی", ""),
    ("Hindi", "उत्तर|जवाब", "", ""),
    ("Bengali", "উত্তর", "", "হল|হলো"),
    ("Thai", "คำตอบ", "ที่ถูกต้อง", "คือ"),
    ("Chinese", "答案|選項|选项", "", "应该是|应该为|应为|应是|應該是|應為|是|为|為|选|選"),
    ("Chinese", "[故应應因所我]?[此以]?[选選](?![项項擇])[择]?", "", ""),
    ("Japanese", "答え|正解|解答|回答", "", "は"),
    ("Korean", "정답|답안|답", "", "은|는"),
)
"""(language, nouns, words that may follow the noun, links); a colon is always a link, and where no link is given none is needed."""

FRAME = _set(
    "so therefore thus hence then finally overall ultimately clearly obviously definitely certainly surely probably likely most simply "
    "indeed just exactly still now ok okay well yes again actually also conclude we get have got find obtain it it's its that that's "
    "this is are was be must should will would the my our i i'd i'll i'm we'd we'll think believe say pick choose select picked chose "
    "selected answer ans final correct right best better closest chosen option options choice choices among letter number response "
    "statement result solution solutions total altogether all which who leaves leaving leave yields suggests gives giving makes making "
    "make mean means equals equal only here there let's selected update updated correction corrected edit revised revision "
    "です だ である でした となります になります 입니다 이다 이에요 예요 है हैं 选项 選項 項 项 la el die letra lettre lettera buchstabe"
) | {
    "go with", "going with", "went with", "opt for", "equal to", "in conclusion", "in summary", "in short", "in total", "in all",
    "of course", "by elimination", "among the given options", "among the options", "leaves us with", "la opción", "a alternativa",
    "a opção", "a letra", "right one", "correct one", "best one", "has to be", "needs to be", "for sure",
}  # fmt: skip
"""Words that may stand before or after an answer in its clause and leave it the whole of what is said: "I'd pick C", "C is correct"."""
SAYS = _set("mean think believe say pick choose select picked chose selected conclude get got have find obtain would will")
"""Words after which an "I" before them is the writer and no label."""
KINDS = _set(
    "the my our final correct right best most appropriate accurate likely probable plausible suitable closest complete chosen selected "
    "exact expected desired intended required overall possible numerical short single only true unique new updated corrected revised "
    "actual real an a so is"
)
"""Words that may stand right before "answer" and leave it the answer of the text. Not "trap", "usual", "his"."""

REASONS = _set("because since as given due for so hence thus therefore where when while with i.e by after using considering rather instead")
"""Words with which a reason or a remark begins: what it denies is not the answer."""
DENIED = _set(
    "not cannot never no nobody neither nor hardly barely isn't wasn't aren't weren't don't doesn't didn't can't couldn't won't "
    "wouldn't shouldn't hasn't haven't wrong incorrect false mistaken mistake mistakes error errors invalid impossible absurd nonsense "
    "unlikely flawed contradicts contradict contradiction fails failed fail violates violate rejected discarded excluded eliminated "
    "ruled withdrawn forgot overlooked misread misplaced trap misprint typo perhaps maybe possibly doubt doubts doubted doubtful unsure "
    "uncertain unclear guess guessed guessing dubious wonder torn if unless whether either except otherwise too"
)
"""Words that deny or doubt an answer."""
INNOCENT = ("no doubt", "no matter", "no other", "not only", "not hard", "not needed", "not depend")
"""Phrases with such a word that deny nothing."""
SAID = _set("say says said claims claimed thinks thought believes believed wrote told tells according")
SUPPOSED = SAID | _set(
    "may might could suppose supposing assume assuming let were had hypothetically tempting instead considered tried looked used rule "
    "dismiss exclude reject beware one"
)
"""Words before an answer that suppose it, or give it to somebody else."""
TURNS = _set(
    "which but though although yet or if unless not never maybe perhaps possibly i it that this is was seems looks would did does fails "
    "cannot except no"
)
"""Words with which a clause after an answer begins that may deny or doubt it."""
WITHDRAWS = _set(
    "no nope nah wait hold hmm hm oops whoops sorry actually scratch strike cancel correction disregard ignore forget never wrong "
    "incorrect not mistake apologies kidding joking perhaps maybe unless except"
)
"""Words with which a clause or sentence begins that takes the answer before it back."""
REPORTS = _set(
    "according wrote said says claim claims dream prove disprove refute sake forgiven thinking imagine pretend reader calculator guess "
    "guesses naive careless attempt differs differ include includes"
)
"""Words before an answer in its sentence that leave it to somebody else, or only suppose it, however far before it they stand."""
UNSAYS = _set("take made wonder wish should would could might lied lie realize realise")
"""Words of a sentence in which the writer ("I") unsays the answer."""
FOLLOWS = _set("so therefore thus hence then but however consequently")
"""Words with which a clause begins that stands by itself, whatever its sentence said before."""
AWAY = _set("at with without in on off under only for if until till within like unlike more less else")
"""Words right after an answer that limit it."""
CONTRASTS = _set("but yet though although however unfortunately sadly again closer reflection second further checking please strictly")
"""Words with which a later sentence begins that may turn against the answer, if anything in it is denied."""
REREADS = _set("thinking looking reading rereading reconsidering revisiting take")
"""Words with which a later sentence begins that turns back to the answer."""
TELLS = _set(
    "hand nobody somebody someone anybody whoever else disagree disagrees speculation random grain salt gap flaw flaws bound "
    "fooled gotcha psych trust kidding shrug whatever suppose almost thought thoughts"
)
"""Words of the next sentences, or of the answer's own, with which its writer speaks of it, and does not stand by it."""
HEADS = _set("explanation reasoning justification rationale analysis details")
"""Headings after an answer: what stands below says why, not whether."""
OFFERS = _set("help assist")
"""Words of a question after an answer that offers more."""
WOULD = _set("would could might may should")
TRULY = _set("real true actual correct right proper")
"""Words after "the" with which a sentence begins that gives something else as the answer."""
CLOSES = _set("done qed good hope thanks thank finished yes explanation reasoning solution end cheers checks verified ok okay see know")
"""Words of a short sentence that leaves the answer before it as it is."""
ABOUT = _set("this that it which there my")
"""Words with which a sentence begins that speaks of the answer before it."""
ADMITS = _set(
    "sure certain confident think believe know trust rely mistake mistaken error wrong misread forgot overlooked doubt guess guessed"
)
"""Words of a sentence in which the writer ("I") speaks of the answer."""
SOFT = _set("and but yet though although however oh ah well then unfortunately sadly on upon second further closer reflection again edit")
"""Words before what a sentence says."""
JOINS = _set("and or rather also as maybe perhaps possibly even plus well option choice either versus vs")
"""What joins one answer to another."""

AROUND = _set("about approximately roughly around some a an total sum of usd rs cost amount value")
"""Words that may stand before a number in its place."""
COUNTS = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "bn": 10**9, "trillion": 10**12, "lakh": 10**5, "crore": 10**7,
    "dozen": 12,
}  # fmt: skip
"""Words that multiply the number before them."""
SCALES = tuple(
    _set(
        "million billion trillion quadrill quintill sextill googol thousand hundred dozen lakh crore millón "
        "millones millon millió milione milioni milhão milhõ miljo milyon milyar milliard miliard billon "
        "billón bilh trilh tausend hundert tusen duizend honderd тысяч миллион миллиард млн млрд тыс тисяч "
        "мільйон tysiąc tysię tisíc ribu juta ratus nghìn ngàn triệu tỷ tỉ مليون ملايين ألف آلاف الف مئة "
        "مليار هزار میلیون 만 억 천 백 万 萬 亿 億 兆 千 百 douzaine docena dúzia dutzend dozzin tucat χιλιάδ εκατομμύρ "
        "ล้าน พัน หมื่น แสน लाख करोड़ हज़ार हजार prozent procent percento porcent yüzde процент відсот"
    )
)
"""How words begin that multiply the number before them or make it a percentage, in other languages, seldom, or in the plural ("7 dozens"
may count in dozens): such a number is not read."""
SCALE = _set("mil mila mille mile mio mrd mln mld mn mill bin yüz")
"""Whole words of this kind."""
DENIES = _set("pas kein keine keinen nicht não nao nie не ні değil không tidak bukan لا ليس nem ikke inte niet ikkje ei non")
"""Words of other languages that deny."""
DENYING = ("不", "没", "非", "ない", "ません", "아니", "아닙")
"""The same in scripts without spaces."""
ALTERS = _set(
    "plus minus divided multiplied squared cubed factorial halves half thirds third quarters quarter fourths fifths sixths remainder "
    "out under off below tens tenths hundredths pi root power percentage fold recurring repeating modulo mod gross score ratio sqrt or vs"
)
"""Words after a number that make it another one, or a part of one."""
RESTRICTS = _set(
    "twice thrice double triple times plus minus than between over under below above more less fewer except or and to out instead "
    "rather divided multiplied by step steps table page chapter equation figure problem question section case part line method negative "
    "nearly almost away log ln sqrt sin cos tan exp other also another"
)
"""Words before a number that make it another one, or a part of one."""
PARTS = _set("half third quarter root square cube factorial logarithm percent")
"""Words that with "of" before a number make it another one."""
BETWEEN = _set("for per on at from with by of after in every each")
"""Words that may lead to a second number after a unit: "18 dollars a day for 2 people"."""
VERBS = _set("is was would can could does has must seems seemed looks looked appears equals fits works fails")
"""Words after a number that make it the subject of its sentence, and no answer."""
LEAVES = VERBS | _set("and but which that are were")
"""Words with which what is said of a number begins."""
REMARKS = _set(
    "confidence certainty sure time seconds took tokens step steps rating difficulty score page version sources length words note"
)
"""First words of a line that says something about the answer, such as "Confidence: 95%"."""
UNITS = _set(
    "m km cm mm nm kg g mg lb lbs oz s ms h hr hrs min l ml ft in yd mi mph kph hz khz mhz ghz kw mw kj pa kpa usd eur gb mb kb pm am"
)
"""Units that may be joined to a number without a space."""
