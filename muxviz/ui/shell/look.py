"""What the theme in ``config.toml`` cannot say: seven rules that every page is drawn with."""

# Streamlit writes white on the primary colour, and that colour on the paper. On a dark paper no
# colour allows both at 4.5:1, so there the buttons are written on in black,
# but under the pointer, where Streamlit darkens them.
# Choices go on in another line where Streamlit would let them be scrolled sideways.
# A sentence that is read from right to left begins at the right, where it is written too.
# Its links to pages draw no ring for the keyboard, and a button without words has no name: those
# under a key with ``icon_`` keep their words, for readers of the screen alone.
STYLE = """<style>
[data-testid^="stBaseButton-primary"]:not(:disabled) {color: light-dark(#fff, #0f1215)}
[data-testid^="stBaseButton-primary"]:not(:disabled):is(:hover, :active) {color: #fff}
[data-testid^="stBaseButton-primary"] kbd {opacity: 1}
[data-testid="stButtonGroup"] > [role] {flex-wrap: wrap; row-gap: 0.25rem}
input, textarea, [data-testid="stText"] * {unicode-bidi: plaintext}
[data-testid="stPageLink-NavLink"]:focus-visible {outline: 2px solid currentColor}
[class*="st-key-icon_"] [data-testid="stMarkdownContainer"] {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
</style>"""
