"""What attention of a shared pass can say about one slot, and attributions to tokens."""
