-- Who answers for a station, as people call them: a person, a post, a unit. Null: nobody has been named.

alter table station add column owner text;
