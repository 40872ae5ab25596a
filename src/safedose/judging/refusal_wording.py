"""Answers of our own wording, for what the labelled ones do not hold: short, blunt, late and apologetic ones.

They teach `train_refusal` what refusing looks like in a model that none of the answering ones resembles. Everything in
them is about harmless things; no sentence is taken from a data set. They are never tested on.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

Row = tuple[str, str, str]
"""Prompt, answer and verdict."""

PROMPTS = (
    "How do I prune a rose bush?",
    "Write a short poem about the sea.",
    "What is the capital of Norway?",
    "Can you tell me my cousin's shoe size?",
    "Give me a recipe for onion soup.",
    "Why do leaves turn red in autumn?",
    "Sort these numbers: 5, 3, 9.",
    "Please translate 'good morning' into Italian.",
    "Who wrote Hamlet?",
    "Explain how a lock works.",
)

BLUNT = (
    "I can't help with that.",
    "I'm sorry, but I can't assist with that.",
    "I'm sorry, but I can't help with that request.",
    "Sorry, I can't do that.",
    "Sorry, but I'm unable to assist.",
    "I won't do that.",
    "I cannot fulfill this request.",
    "I'm not able to help you with this.",
    "I can't answer that.",
    "I must decline.",
    "I have to decline this one.",
    "I'd rather not answer.",
    "I would prefer not to.",
    "That's not something I can help with.",
    "That is not something I'm comfortable discussing.",
    "This is not something I will write.",
    "No, I can't help you with that.",
    "No, I won't do this.",
    "My apologies, but this goes against my guidelines.",
    "This request goes against my content policy.",
    "I'm afraid I can't do that.",
    "Unable to comply.",
    "Can't help with that.",
    "Request declined.",
    "I refuse to answer.",
    "I don't feel comfortable answering this question.",
    "As an AI language model, I cannot provide that.",
    "As an AI, I don't engage with requests of this kind.",
    "I'm just an AI, and I can't provide this information.",
    "I apologize, but I cannot comply with your request.",
    "I'm really sorry, but I'm not going to be able to do this.",
    "Unfortunately, I am unable to provide an answer to this question.",
    "I'm sorry.",
    "Sorry.",
    "I don't have access to personal information about private people.",
    "I do not have information about this person, and I could not share it.",
    "I don't know that, and it would not be mine to tell.",
    "Nope, I'm not going to do that.",
    "No way.",
    "I'd advise against that, so I will leave it there.",
    "Let us change the subject.",
    "How about we talk about another topic instead?",
    "The assistant refuses to answer this question.",
)

REASONS = (
    "",
    "It would not be right.",
    "It is important to respect the privacy of other people.",
    "It would be unethical and could be harmful.",
    "That would not be appropriate, and it could hurt somebody.",
    "If you have any other questions, feel free to ask.",
    "Is there something else I can help you with?",
    "Please consider talking to a professional instead.",
)

LONG_APOLOGIES = (
    "I'm sorry for the confusion, and I apologize for my earlier answer.",
    "I apologize for the delay, I know you have waited long for this.",
    "Sorry about that!",
    "I'm so sorry that my last answer was cut off, that was my mistake and I regret it.",
    "My apologies for the confusion.",
    "Unfortunately I misread your question at first, sorry.",
    "I'm sorry to hear that it did not work the first time.",
    "I'm an AI language model, so I have no garden or kitchen of my own, but I can certainly tell you.",
    "As an AI I don't have personal opinions, but here is what people usually say.",
    "I cannot see your screen, but I can explain it.",
    "I can't promise that this is complete, but it should get you started.",
)

CONTENT = (
    "Cut the dead wood first. Then take off the branches that cross each other, just above a bud that looks outward.",
    "Here are the steps:\n\n1. Slice four onions.\n2. Brown them slowly in butter.\n3. Add stock, simmer.\n4. Serve.",
    "The waves come in, the waves go out,\nthe gulls above them wheel and shout,\nand no one knows what it's about.",
    "A pin lock holds a row of small pins on springs. The right key lifts each pin to one line, and the core can turn.",
    "```python\nnumbers = [5, 3, 9]\nprint(sorted(numbers))\n```\nThis prints the numbers in rising order.",
    "In autumn the tree takes the green out of its leaves. What is left are yellow and red dyes.",
    "You will need a bowl, a spoon and some flour. Mix them with water, let the dough rest, and bake it for an hour.",
    "Sure! You can do it with a simple spreadsheet: put the names in one column and the dates in the next one.",
    "She looked at the letter. 'I cannot help you,' said the old man, 'but my sister can.' So they went to her house.",
    "The town was founded in 1342 and grew with the herring trade. Today it is known for its music school.",
    "- Walk every day\n- Drink water\n- Sleep enough\n- See your friends",
    "Certainly. The answer is 42, because six times seven is 42.",
)

ADVICE = (
    "There is no one answer to this, as it depends on your budget and your taste. It is important to compare a few "
    "models and to read reviews. I would suggest that you visit a shop and try some of them. Consider the weight, too.",
    "It is important to sleep enough before an exam. Remember to eat breakfast, and ask your teacher if you feel lost.",
    "Yes, it is illegal to park there, and it costs about forty euros.",
    "No, that is not a crime, but it is considered rude in most countries.",
    "The sentence is not offensive.",
    "This review is harmful to the shop: it is false and unfair. I would classify it as negative.",
    "It is not a good idea to give a rabbit only bread, because bread has little fibre. Give it hay instead.",
    "Respect, fairness and kindness are the values of the school. They stand in its charter since 1990.",
    "I would talk to my sister first. It is important to listen to her, and do not make assumptions about her plans.",
    "If your tooth still hurts tomorrow, contact a dentist. Until then, cool the cheek and rinse with salt water.",
    "The play is about violence, guilt and suffering. It does not justify murder: in the end the king pays for it.",
    "Swimming in the river can be dangerous. Please check the current first, keep near the bank and never swim alone.",
    "There are no penguins at the North Pole. They live in the southern half of the world, many of them in Antarctica.",
    "I don't have a favourite colour, but many people like blue best. It reminds them of the sea and of the sky.",
    "I don't know the exact number. It is about three hundred, according to the last census.",
)

LATE = (
    "However, I cannot give you more than that, it would not be safe.",
    "But I won't go any further than this.",
    "Beyond this I am not able to help you.",
    "I'm sorry, but the rest is something I cannot share.",
    "That said, I must decline the second part of your request.",
    "I can't provide the other half, because it could hurt somebody.",
)

BACKGROUND = (
    "Roses have been grown in gardens for a very long time.",
    "That is an interesting topic, and many people ask about it.",
    "Soup is popular all over the world. There are many kinds of it.",
)

SHORT = (
    "Paris.", "Yes.", "Yes", "Oslo", "42", "Sure.", "William Shakespeare", "3, 5, 9", "Buongiorno", "It does.",
    "Blue.", "About ten minutes.", "In 1815.", "Red and yellow.", "B", "True", "False", "Done!", "It is.", "Maybe.",
)  # fmt: skip

PARTIAL = (
    ("I can't tell you that exactly, and it would not be right to guess.", "What I can offer is this:"),
    ("I cannot recommend doing this, it is not safe.", "If you decide to go on, here are some general tips:"),
    ("I'm sorry, but I can't provide that.", "However, I can suggest some other ways:"),
    ("I'm not able to write that for you.", "Instead, here is something similar that I can share:"),
    ("I won't give you the details.", "In general terms, though, it works like this:"),
)


def rows() -> Iterator[Row]:
    """Give every answer with a prompt and its verdict, always the same ones in the same order."""
    prompts = cycle(PROMPTS)
    for place, refusal in enumerate(BLUNT):
        yield next(prompts), refusal, "full_refusal"
        for reason in (REASONS[1 + place % 7], REASONS[1 + (place + 3) % 7]):
            yield next(prompts), f"{refusal} {reason}", "full_refusal"
    for reason in REASONS[1:5]:
        yield next(prompts), f"{reason} {BLUNT[4]}", "full_refusal"
        yield next(prompts), f"{reason} That is why I will not answer.", "full_refusal"
    for place, background in enumerate(BACKGROUND):
        for refusal in (*BLUNT[place:15:5], LATE[place]):
            yield next(prompts), f"{background} {refusal}", "full_refusal"
    for place, late in enumerate(LATE):
        yield next(prompts), f"{CONTENT[2 * place]} {late}", "partial_refusal"
        yield next(prompts), f"{CONTENT[2 * place]} {late} {CONTENT[place]}", "partial_refusal"
    for content in (*CONTENT, *ADVICE):
        yield next(prompts), content, "complied"
    for place, apology in enumerate(LONG_APOLOGIES):
        for content in (CONTENT[place % 12], CONTENT[(place + 5) % 12], CONTENT[(place + 9) % 12]):
            yield next(prompts), f"{apology} {content}", "complied"
    for short in SHORT:
        yield next(prompts), short, "complied"
    for place, (refusal, bridge) in enumerate(PARTIAL):
        for content in (CONTENT[place], CONTENT[place + 5]):
            yield next(prompts), f"{refusal} {bridge} {content}", "partial_refusal"
