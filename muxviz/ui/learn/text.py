"""The words of the Learn page around the steps, which bring their own."""

STYLE = """
<style>.st-key-learn_quiz button > div {justify-content: flex-start; text-align: left}</style>
"""
PRESENT_STYLE = """
<style>
[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stExpandSidebarButton"],
[data-testid="stSidebarCollapsedControl"] {display: none !important}
[data-testid="stMainBlockContainer"] {padding-top: 1rem; max-width: 92rem}
html {font-size: 20px !important}
</style>
"""
MISSING_NOTES = "Arrow keys turn the steps, N shows these notes, Esc leaves."
HAND_OUT = "Formulas, questions, a sum to do by hand, and words, on paper."
