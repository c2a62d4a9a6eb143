"""What figures of several rooms are drawn with: ink, slots, scales, words, marks, export."""
